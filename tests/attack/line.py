#!/usr/bin/env python3
"""line.py flip PORT LISTEN | record PORT LISTEN DIR | play PORT DIR: a line between client and server that changes bytes, or keeps
what the client sent and plays it again. Prints a line when it listens."""
import os
import random
import socket
import sys
import threading

what, port = sys.argv[1], int(sys.argv[2])


def pump(a, b, change, tape):
    seen = 0
    try:
        while part := a.recv(65536):
            if change is not None and seen <= change < seen + len(part):
                part = bytearray(part)
                part[change - seen] ^= 0x20
            seen += len(part)
            if tape:
                tape.write(part)
                tape.flush()
            b.sendall(part)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(listen, folder):
    top = socket.socket()
    top.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    top.bind(("127.0.0.1", listen))
    top.listen(64)
    print(top.getsockname()[1], flush=True)
    rng = random.Random(7)
    n = 0
    while True:
        a, _ = top.accept()
        b = socket.create_connection(("127.0.0.1", port))
        n += 1
        tape = open(os.path.join(folder, f"{n:03}"), "wb") if folder else None
        up, down = None, None
        if what == "flip":
            place = rng.choice((rng.randrange(20, 1500), rng.randrange(1500, 200000)))
            up, down = (place, None) if rng.random() < 0.7 else (None, place)
        threading.Thread(target=pump, args=(a, b, up, tape), daemon=True).start()
        threading.Thread(target=pump, args=(b, a, down, None), daemon=True).start()


def play(folder):
    for name in sorted(os.listdir(folder)):
        with socket.create_connection(("127.0.0.1", port), 20) as s:
            s.settimeout(5)
            try:
                s.sendall(open(os.path.join(folder, name), "rb").read())
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except OSError:
                pass


if what == "flip":
    serve(int(sys.argv[3]), None)
elif what == "record":
    os.makedirs(sys.argv[4], exist_ok=True)
    serve(int(sys.argv[3]), sys.argv[4])
elif what == "play":
    play(sys.argv[3])
