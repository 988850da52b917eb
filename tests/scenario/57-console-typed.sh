#!/bin/bash
# What was typed is not lost when a factor is asked for in the middle, or the session ran out.
# timeout: 120
. "$MAMORI_SRC/tests/tap.sh"
[ -x "$MAMORI_BUILD/daemon/mamorid/mamorid" ] || skip_all "mamorid was not built"
command -v python3 >/dev/null || skip_all "python3 is missing"
export LC_ALL=C.UTF-8 TZ=Asia/Tokyo
PYTHONDONTWRITEBYTECODE=1 exec python3 "$MAMORI_SRC/tests/matrix/typed.py"
