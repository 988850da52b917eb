#!/bin/bash
# What strangers send: smuggled requests, forged forms, guesses, scripts in every field, files that are not what they say.
# heavy
# timeout: 600
. "$MAMORI_SRC/tests/tap.sh"
[ -x "$MAMORI_BUILD/daemon/mamorid/mamorid" ] || skip_all "mamorid was not built"
command -v python3 >/dev/null || skip_all "python3 is missing"
PYTHONDONTWRITEBYTECODE=1 exec python3 "$MAMORI_SRC/tests/matrix/hostile.py"
