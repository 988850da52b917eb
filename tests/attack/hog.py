#!/usr/bin/env python3
"""hog.py PORT FROM N: from the address FROM open N connections and keep them: a third says nothing, a third sends one byte of
a handshake now and then, a third half of one. Opens new ones for those that were closed. Until killed."""
import itertools
import socket
import sys
import time

port, source, n = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
lines = {}
numbers = itertools.count()
told = False
while True:
    for _ in range(n - len(lines)):
        s = socket.socket()
        s.settimeout(5)
        try:
            s.bind((source, 0))
            s.connect(("127.0.0.1", port))
            s.setblocking(False)
            i = next(numbers)
            if i % 3 == 1:
                s.send(b"\x16\x03\x01\x02\x00" + bytes(100))
            lines[i] = s
        except OSError:
            s.close()
    if not told:
        print("holding", len(lines), flush=True)
        told = True
    time.sleep(0.3)
    for i, s in list(lines.items()):
        try:
            if i % 3 == 2:
                s.send(b"\x16")
            if s.recv(1000) == b"":
                raise ConnectionError
        except BlockingIOError:
            pass
        except OSError:
            s.close()
            del lines[i]
