#!/usr/bin/env python3
"""guess.py PORT N: N connections that begin like an enrolment with a code that nobody printed. Status 1 if one gets on."""
import os
import socket
import struct
import sys

port, n = int(sys.argv[1]), int(sys.argv[2])


def vector(size, data):
    return len(data).to_bytes(size, "big") + data


def hello():
    """A TLS 1.3 ClientHello that offers a pre-shared key by a made-up name, with a made-up proof."""
    ident = vector(2, os.urandom(8).hex().encode()) + bytes(4)
    share = vector(2, struct.pack(">H", 29) + vector(2, os.urandom(32)))
    psk = vector(2, ident) + vector(2, vector(1, os.urandom(48)))
    exts = [(43, vector(1, b"\x03\x04")), (10, vector(2, b"\x00\x1d")), (51, share), (45, b"\x01\x01"),
            (13, vector(2, b"\x04\x03")), (41, psk)]
    body = b"\x03\x03" + os.urandom(32) + vector(1, os.urandom(32)) + vector(2, b"\x13\x02") + b"\x01\x00"
    body += vector(2, b"".join(struct.pack(">H", t) + vector(2, d) for t, d in exts))
    record = b"\x01" + vector(3, body)
    return b"\x16\x03\x01" + vector(2, record)


got = 0
for _ in range(n):
    with socket.create_connection(("127.0.0.1", port), 20) as s:
        s.settimeout(20)
        s.sendall(hello())
        try:
            answer = s.recv(5)
            # a ServerHello that takes the key would have extension 41; what comes without a code asks for a certificate
            if answer[:1] == b"\x16":
                rest = b""
                want = int.from_bytes(answer[3:5], "big")
                while len(rest) < want:
                    part = s.recv(want - len(rest))
                    if not part:
                        break
                    rest += part
                got += b"\x00\x29\x00\x02" in rest
        except (ConnectionError, TimeoutError):
            pass
sys.exit(1 if got else 0)
