"""allowed.py NAME FILE: findings on stdin, minus those that FILE explains.

A finding is `path:line:col: warning: text [check]`. A line of FILE is

    path | check | words of the finding | why it is wrong

The path * means every file. An entry that matches nothing is named, so that the list does not grow old; it is no fault, because an analyzer's budget
makes such findings come and go with changes elsewhere. Line numbers are not in it."""
import sys

name, path = sys.argv[1:]
rules = []
try:
    with open(path, encoding="utf-8") as f:
        for n, line in enumerate(f, 1):
            if line.strip() and not line.startswith("#"):
                part = [p.strip() for p in line.split("|", 3)]
                if len(part) != 4 or len(part[3]) < 10:
                    print(f"{path}:{n}: four fields are expected, the last a reason")
                    sys.exit(1)
                rules.append([n, part, 0])
except FileNotFoundError:
    pass
bad = seen = 0
for line in sys.stdin:
    line = line.rstrip("\n")
    if not line:
        continue
    seen += 1
    for r in rules:
        where, check, words, _ = r[1]
        if (where == "*" or line.startswith(where + ":")) and check in line and words in line:
            r[2] += 1
            break
    else:
        print(line)
        bad += 1
for n, part, used in rules:
    if not used:
        print(f"{path}:{n}: note: explains nothing at present: {part[0]} {part[1]}")
print(f"{name}: {seen} findings, {seen - bad} explained, {bad} faults")
sys.exit(1 if bad else 0)
