#!/bin/sh
# What sshd would start for a client with a forced command: BORG_RSH is this script, the client's words are only told.
# BORG_ROOT: where the server's files are, when not here.
cd "${BORG_ROOT:-.}" || exit 1
SSH_ORIGINAL_COMMAND="borg serve" exec env -u BORG_PASSPHRASE \
    borg serve --append-only --restrict-to-repository "$BORG_SERVED" ${BORG_SERVE_MORE-}
