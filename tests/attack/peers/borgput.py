#!/usr/bin/python3
# borgput.py REPOSITORY-URL: a client with borg's whole protocol that writes garbage under the name of each stored chunk (but the
# list of archives). Prints how many were taken.
import argparse
import sys

from borg.helpers import Location
from borg.logger import setup_logging
from borg.remote import RemoteRepository

setup_logging()
args = argparse.Namespace(
    rsh=None, remote_path=None, umask=0o077, log_level=None, remote_ratelimit=None, upload_ratelimit=None,
    remote_buffer=None, upload_buffer=None, debug_topics=[], storage_quota=None, append_only=False,
    restrict_to_paths=None, restrict_to_repositories=None, log_json=False, info=False, debug=False, make_parent_dirs=False,
)
taken = 0
with RemoteRepository(Location(sys.argv[1]), exclusive=True, lock_wait=5, args=args) as repo:
    for chunk in repo.list():
        if chunk != bytes(32):
            repo.put(chunk, b'\x03' + b'garbage!' * 16)
            taken += 1
    repo.commit(compact=False)
print('overwrites accepted: %d' % taken)
