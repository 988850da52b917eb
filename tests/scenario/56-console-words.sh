#!/bin/bash
# Every page in Japanese says what it says in words: no moment as programs write it, no English word of a table.
# timeout: 120
. "$MAMORI_SRC/tests/tap.sh"
[ -x "$MAMORI_BUILD/daemon/mamorid/mamorid" ] || skip_all "mamorid was not built"
command -v python3 >/dev/null || skip_all "python3 is missing"
export LC_ALL=C.UTF-8 TZ=Asia/Tokyo
PYTHONDONTWRITEBYTECODE=1 exec python3 "$MAMORI_SRC/tests/matrix/words.py"
