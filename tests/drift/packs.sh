# Practices and engines say the same: every check that a practice names is emitted by some engine, and every check that an
# engine emits is claimed by a practice. Every item that asks for something is answered by a practice.
. "$MAMORI_SRC/tests/tap.sh"
command -v python3 >/dev/null || skip_all "python3 is not installed"
python3 - "$MAMORI_SRC" <<'END'
import glob, json, re, sys
src = sys.argv[1]
n = 0
def ok(good, what, why=''):
    global n
    n += 1
    print(f"{'' if good else 'not '}ok {n} - {what}")
    if not good and why:
        print('#   ' + why)
emitted = re.findall(r'^CHECK\("([^"]+)"', open(src + '/lib/ledger/checks.def').read(), re.M)
ok(emitted == sorted(emitted), 'checks.def is sorted')
practices = [json.load(open(f)) for f in sorted(glob.glob(src + '/packs/*/*.json')) if '"mamori-practice-1"' in open(f).read(200)]
packs = [json.load(open(f)) for f in sorted(glob.glob(src + '/packs/*/*.json')) if '"mamori-pack-1"' in open(f).read(200)]
ok(len(practices) > 50 and len(packs) > 10, 'there are practices and packs')
claimed = {}
for p in practices:
    names = [c.get('need') or c.get('watch') for c in p['checks']] + [c['until'] for c in p['checks'] if 'until' in c]
    wrong = [c for c in names if c not in emitted and not any(k.get('later') and c in (k.get('need'), k.get('watch')) for k in p['checks'])]
    ok(not wrong, f"practice {p['id']}: every check is emitted by an engine", 'not in lib/ledger/checks.def: ' + ' '.join(wrong))
    for c in names:
        claimed.setdefault(c, []).append(p['id'])
for c in emitted:
    ok(c in claimed, f'{c} is claimed by a practice',
       'add {"need": "%s"} or {"watch": "%s"} to the practice in packs/ that it measures (packs/README.md)' % (c, c))
answered = {a for p in practices for a in p['answers']}
known = {f"{p['id']}:{i['id']}" for p in packs for i in p['items']}
ok(not answered - known, 'practices answer items that exist', ' '.join(sorted(answered - known)))
open_items = [f"{p['id']}:{i['id']}" for p in packs for i in p['items'] if i['level'] in ('must', 'should') and f"{p['id']}:{i['id']}" not in answered and not i.get('practices')]
ok(not open_items, 'every item that asks for something is answered by a practice', ' '.join(open_items))
print(f'1..{n}')
END
