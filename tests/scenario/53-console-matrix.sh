#!/bin/bash
# heavy
# Role x page x method over HTTPS: what each kind of visitor gets from each row of the route table, against the verdicts
# in tests/matrix, and others' ids.
# timeout: 600
. "$MAMORI_SRC/tests/tap.sh"
[ -x "$MAMORI_BUILD/daemon/mamorid/mamorid" ] || skip_all "mamorid was not built"
command -v python3 >/dev/null || skip_all "python3 is missing"
PYTHONDONTWRITEBYTECODE=1 exec python3 "$MAMORI_SRC/tests/matrix/matrix.py"
