"""Shared by the text gates: the committed files, and C source without comments and strings."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def files(*patterns):
    """Tracked and new files (not ignored ones), relative to the root, sorted."""
    out = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=False)
    if out.returncode != 0:  # an exported tree without .git
        names = []
        for base, dirs, here in os.walk(ROOT):
            dirs[:] = [d for d in dirs if not d.startswith((".git", "build")) and d not in ("var", "dist")]
            names += [os.path.relpath(os.path.join(base, f), ROOT) for f in here]
        import fnmatch
        got = [n for n in names
               if not patterns or any(fnmatch.fnmatch(n, p) or n.startswith(p + "/") for p in patterns)]
    else:
        got = out.stdout.split("\n")
    return sorted({f for f in got if f and os.path.isfile(os.path.join(ROOT, f))})


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def strip_c(text, keep_strings=False):
    """The same text with comments (and the inside of strings) blanked; line numbers stay."""
    def blank(m):
        t = m.group(0)
        if t[0] in "\"'":
            return t if keep_strings else t[0] + " " * (len(t) - 2) + t[0]
        return re.sub(r"[^\n]", " ", t)
    return TOKEN.sub(blank, text)


class Report:
    def __init__(self, name):
        self.name = name
        self.bad = 0

    def fail(self, where, what):
        self.bad += 1
        print(f"{where}: {what}")

    def end(self, looked_at):
        print(f"{self.name}: {looked_at} files, {self.bad} faults")
        if not looked_at:
            print(f"{self.name}: nothing to look at")
            sys.exit(1)
        sys.exit(1 if self.bad else 0)
