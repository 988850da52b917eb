"""kill -9 while forms of all kinds come in: what the browser was told is saved is there, and nothing is there in half."""
import json
import os
import random
import re
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ['MAMORI_SRC'], 'tests'))
from web import SLOW, Console, Web, done, is_, ok  # noqa: E402

ROUNDS, SECONDS = int(os.environ.get('MAMORI_KILL_ROUNDS', '8')), 1.2
random.seed(9)
c = Console()
d = Web(c, 10)
d.director()
PACK = re.search(r'href="/guide/packs/([^"/]+)"', d.get('/guide').text)[1]
ITEMS = list(dict.fromkeys(re.findall(rf'href="/guide/packs/{PACK}/([^"/#?]+)', d.get(f'/guide/packs/{PACK}').text)))
SOON = time.strftime('%Y-%m-%d', time.localtime(time.time() + 20 * 86400))
a = d.post('/guide/inspections', pack=PACK, due1=SOON, due2=SOON)
ok('/guide/inspections/' in a.head('location') and len(ITEMS) > 5, 'an inspection is begun', f'{a.status} {a.head("location")}')
rec = d.post('/register/device', f_name='記録', f_kind='pc').head('location')
d.get('/me')
ACK = []  # (kind, what the browser was told is saved)
lock = threading.Lock()
stop = threading.Event()
sent = {}
n = 0


def number():
    global n
    with lock:
        n += 1
        return n


def told(kind, what):
    with lock:
        ACK.append((kind, what))


def saved(w, a):
    """Whether the answer says that it is saved; a form that is refused leads back, too."""
    return a.status == 303 and w.cookies.get('__Host-mamori-say', '').startswith('ok.')


def record(w):
    i = number()
    a = w.post('/register/device', f_name=f'端末 葛󠄀 {i:05}', f_kind='pc', f_place=f'場所 {i:05}')
    if a.status == 303 and '/register/device/' in a.head('location'):
        told('record', (a.head('location').rsplit('/', 1)[1], i))


def change(w):
    i = number()
    page = w.get(rec + '/edit').text
    rev = re.search(r'name="rev" value="(\d+)"', page)
    if not rev:
        return
    a = w.post(rec, rev=rev[1], f_name='記録', f_kind='pc', f_place=f'変更 {i:05}')
    if saved(w, a):
        told('change', (int(rev[1]) + 1, f'変更 {i:05}'))


def answer(w):
    i = number()
    item = random.choice(ITEMS)
    a = w.post(f'/guide/packs/{PACK}/{item}', value=random.choice(('yes', 'no', 'unknown')), note=f'覚え {i:05}', target=SOON)
    if saved(w, a):
        told('answer', (item, f'覚え {i:05}'))


def finding(w):
    i = number()
    a = w.post('/guide/findings', title=f'気づき 𠮷 {i:05}', detail='d', owner='o', severity='2')
    if a.status == 303 and re.search(r'/guide/findings/\d+$', a.head('location')):
        told('finding', (int(a.head('location').rsplit('/', 1)[1]), f'気づき 𠮷 {i:05}'))


def upload(w):
    i = number()
    data = (f'証拠 {i:05} '.encode() * 4000)[:60000 + i]
    a = w.post(rec + '/attach', file=(f'f{i:05}.txt', data), day=time.strftime('%Y-%m-%d'))
    if saved(w, a):
        told('upload', (f'f{i:05}.txt', len(data)))


def account(w):
    i = number()
    a = w.post('/settings/accounts', name=f'職員 {i:05}', login=f'staff{i:05}', role='staff', until='', objects='')
    if a.status == 200 and re.search(r'<code>[A-Z0-9-]+<', a.text):
        told('account', f'staff{i:05}')


def task(w):
    a = w.post('/guide/morning')
    if re.match(r'/tasks/[0-9a-f]+$', a.head('location')):
        told('task', a.head('location').rsplit('/', 1)[1])


def imported(w):
    i = number()
    a = w.post('/register/vendor/import', file=('v.csv', f'名前\n業者 {i:05}\n'.encode()))
    m = re.search(r'/(?:tasks|import)/([0-9a-f]{8,})', a.head('location'))
    if m:
        told('task', m[1])


KINDS = [record, change, answer, finding, upload, account, task, imported]


def press(k):
    w = d.twin()
    w.source = f'127.3.0.{k + 1}'
    at = 2 * k  # two presses of four people are all the kinds
    while not stop.is_set():
        f = KINDS[at % len(KINDS)]
        at += 1
        sent[f.__name__] = sent.get(f.__name__, 0) + 1
        try:
            f(w)
        except Exception:  # the console was killed under it: nothing was promised
            w.close()
            time.sleep(0.02)


late = 0.0
for turn in range(ROUNDS):
    c.sql('UPDATE sessions SET fresh_at = ?, seen = ?', int(time.time() * 1e6), int(time.time() * 1e6))
    stop.clear()
    crowd = [threading.Thread(target=press, args=(k,)) for k in range(4)]
    for t in crowd:
        t.start()
    before = len(ACK)
    end = time.monotonic() + 30 * SLOW
    while len(ACK) < before + 6 and time.monotonic() < end:  # not before something was saved
        time.sleep(0.02)
    time.sleep(random.random() * SECONDS)
    c.kill()
    stop.set()
    for t in crowd:
        t.join()
    began = time.monotonic()
    c.start()
    late = max(late, time.monotonic() - began)
print(f'# {len(ACK)} told to be saved, of {sum(sent.values())}: {sent}; slowest start again {late:.1f} s')
by = {}
for kind, what in ACK:
    by.setdefault(kind, []).append(what)
ok(all(len(by.get(k, ())) >= 3 for k in ('record', 'change', 'answer', 'finding', 'upload', 'account', 'task')), 'each kind was saved',
   {k: len(v) for k, v in by.items()})

# --- what was told is there
lost = [w for w in by['record'] if c.sql('SELECT title FROM records WHERE kind = ? AND id = ?', 'device', w[0]) != [(f'端末 葛󠄀 {w[1]:05}',)]]
is_(lost, [], f'{len(by["record"])} records')
have = {(rev, (json.loads(x).get('place') or [None, None])[1])
        for rev, x in c.sql('SELECT rev, changes FROM record_revs WHERE kind = ? AND record = ?', 'device', rec.rsplit('/', 1)[1])}
is_([w for w in by['change'] if w not in have], [], f'{len(by["change"])} changes, each in its place in the history')
rows = {(i, n_) for i, n_ in c.sql('SELECT item, note FROM guide_answers')}
is_([w for w in by['answer'] if w not in rows], [], f'{len(by["answer"])} answers')
rows = set(c.sql('SELECT id, title FROM guide_findings'))
is_([w for w in by['finding'] if w not in rows], [], f'{len(by["finding"])} findings')
rows = {name: (size, sha) for name, size, sha in c.sql('SELECT name, bytes, sha256 FROM record_files')}
lost = []
for name, size in by['upload']:
    path = os.path.join(c.state, 'evidence', rows[name][1][:2], rows[name][1]) if name in rows else '/none'
    if not os.path.exists(path) or os.path.getsize(path) != size or rows[name][0] != size:
        lost.append(name)
is_(lost, [], f'{len(by["upload"])} files, with all their bytes')
rows = {x for x, in c.sql('SELECT login FROM accounts')}
is_([w for w in by['account'] if w not in rows], [], f'{len(by["account"])} accounts')
rows = {x for x, in c.sql('SELECT id FROM tasks')}
is_([w for w in by['task'] if w not in rows], [], f'{len(by["task"])} tasks')

# --- and nothing in half
is_(c.sql('PRAGMA integrity_check'), [('ok',)], 'the records hold together')
is_(c.sql('PRAGMA foreign_key_check'), [], 'each reference leads somewhere')
is_(c.sql("SELECT r.id FROM records r WHERE NOT EXISTS (SELECT 1 FROM record_revs v WHERE v.kind = r.kind AND v.record = r.id AND v.rev = r.rev)"),
    [], 'each record has its newest revision')
is_(c.sql("SELECT v.record, v.rev FROM record_revs v WHERE v.rev > 1 AND NOT EXISTS (SELECT 1 FROM record_revs w WHERE w.kind = v.kind "
          "AND w.record = v.record AND w.rev = v.rev - 1)"), [], 'and all before it')
is_(c.sql("SELECT id FROM records WHERE kind = 'device' AND id NOT IN (SELECT record FROM record_values WHERE kind = 'device' AND field = 'name')"),
    [], 'with its values')
gone = [sha for sha, in c.sql('SELECT sha256 FROM record_files') if not os.path.exists(os.path.join(c.state, 'evidence', sha[:2], sha))]
is_(gone, [], 'no file is named that is not there')
for _ in range(int(300 * SLOW)):
    if not c.sql("SELECT 1 FROM tasks WHERE state IN ('waiting', 'running')"):
        break
    time.sleep(0.2)
is_(c.sql("SELECT count(*) FROM tasks WHERE state IN ('waiting', 'running')")[0][0], 0, 'no task waits for a process that is gone')
is_(c.sql("SELECT id FROM tasks WHERE state = 'done' AND status <> 0"), [], 'none is called done that was cut off')
is_(d.get('/').status, 200, 'who was signed in still is')
is_(c.stop(), 0, 'it ends as it should')
ok(c.cli('verify'), 'every seal holds')
seen = open(os.path.join(c.state, 'access/log'), 'rb').read()
ok(seen.count(b'"what":"register.write"') >= len(by['record']), 'the access log has what was told', seen.count(b'"what":"register.write"'))
done()
