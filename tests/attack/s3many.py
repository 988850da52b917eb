#!/usr/bin/env python3
"""s3many.py S3DO ADDR: many requests in one process. Each line of standard input: METHOD /PATH[?QUERY] FILE|- [HEADER...], with tabs
between. Prints each status."""
import contextlib
import io
import runpy
import sys

program, addr = sys.argv[1:3]


class Out(io.TextIOWrapper):
    pass


for line in sys.stdin:
    out = Out(io.BytesIO(), encoding="utf-8", write_through=True)
    sys.argv = [program, addr, *line.rstrip("\n").split("\t")]
    with contextlib.redirect_stdout(out):
        runpy.run_path(program)
    print(out.buffer.getvalue().split(b"\n", 1)[0].decode(), flush=True)
