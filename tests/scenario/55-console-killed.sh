#!/bin/bash
# heavy
# kill -9 of mamorid while forms of all kinds are saved: nothing that was acknowledged is lost, nothing is there in half.
# timeout: 600
. "$MAMORI_SRC/tests/tap.sh"
[ -x "$MAMORI_BUILD/daemon/mamorid/mamorid" ] || skip_all "mamorid was not built"
command -v python3 >/dev/null || skip_all "python3 is missing"
PYTHONDONTWRITEBYTECODE=1 exec python3 "$MAMORI_SRC/tests/matrix/killed.py"
