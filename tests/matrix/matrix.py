"""Role x page x method, and others' ids. The verdicts are in pages.txt and api.txt."""
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ['MAMORI_SRC'], 'tests'))
from web import MAMORID, PASSWORD, SRC, Console, Web, done, is_, ok  # noqa: E402

METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
source = 10


def browser(c):
    global source
    source += 1
    return Web(c, source)


def table(name):
    """{(method, path): verdicts}, and the words above the columns."""
    rows, heads = {}, []
    for line in open(os.path.join(SRC, 'tests/matrix', name), encoding='utf-8'):
        if line.startswith('#'):
            heads = line[1:].split() if line.startswith('#   ' + ' ' * 20) else heads
        elif line.strip():
            method, path, *verdicts = line.split()
            if (method, path) in rows:
                ok(False, f'{name}: {method} {path} stands there once')
            rows[method, path] = verdicts
    return rows, heads


def routes():
    out = subprocess.run([MAMORID, '--routes'], capture_output=True, text=True, check=True).stdout
    return [tuple(line.rsplit(' ', 1)) for line in out.splitlines()]


# --- drift: the table of the program and the table of the test name the same rows
pages, roles = table('pages.txt')
api, holders = table('api.txt')
known = {*pages, *api}
there = set()
for methods, path in routes():
    there |= {(m, path) for m in methods.replace(',', ' ').split()}
ok(there == known, 'every row of the route table has its line, and no line is of a row that is gone',
   '\n'.join(f'no verdict: {m} {p}' for m, p in sorted(there - known)) + '\n' +
   '\n'.join(f'no such row: {m} {p}' for m, p in sorted(known - there)))
ok(len(there) > 100, f'{len(there)} rows')
is_([k for k, v in pages.items() if len(v) != len(roles)] + [k for k, v in api.items() if len(v) != len(holders)], [],
    'every line has a verdict for everybody')

# --- a house with somebody of each kind
c = Console()
dir_ = browser(c)
dir_.director()


def device(name):
    a = dir_.post('/register/device', f_name=name, f_kind='pc')
    return a.head('location').rsplit('/', 1)[1]


own, other = device('受付の端末 髙橋'), device('診察室の端末 﨑')
DUE = time.strftime('%Y-%m-%d', time.localtime(time.time() + 40 * 86400))


def request(vendor):
    form = dir_.get('/guide/requests/new').text
    practice = re.search(r'<option value="([^"]+)"', form[form.index('name="practice"'):])[1]
    paper = re.search(r'name="form"[^>]*value="([^"]+)"', form)[1]
    return dir_.post('/guide/requests', vendor=vendor, practice=practice, form=paper, due=DUE).head('location').rsplit('/', 1)[1]


mine, theirs = request('甲システム㈱'), request('乙電子㈱')


def invite(login, role, until='', objects=''):
    a = dir_.post('/settings/accounts', name=f'{login} 𠮷野', login=login, role=role, until=until, objects=objects)
    m = re.search(r'<code>([A-Z0-9-]+)<', a.text)
    if not m:
        raise RuntimeError(f'account {login}: {a.status} {a.text[-1500:]}')
    return m[1]


def come(login, role, second=False, **more):
    code = invite(login, role, **more)
    w = browser(c)
    w.invited(code)
    w.enrol(second)
    return w


who = {'dir': dir_, 'clk': come('clerk', 'clerk', True), 'stf': come('staff', 'staff'),
       'zon': come('zone', 'zone', objects=f'device:{own}'),
       'ven': come('vendor', 'vendor', until=DUE, objects=f'request:{mine}'),
       'ins': come('inspect', 'inspector', until=DUE, objects='*')}
ven2 = come('vendor2', 'vendor', until=DUE, objects=f'request:{theirs}')
glass = re.search(r'<code>([A-Z0-9-]+)<', dir_.post('/settings/emergency').text)[1]
who['gls'] = browser(c)
who['gls'].get('/signin/emergency')
who['gls'].post('/signin/emergency', code=glass, who='当直 﨑', why='院長がいない')
who['enr'] = browser(c)
who['enr'].invited(invite('fresh', 'clerk'))
who['sec'] = browser(c)
who['sec'].get('/signin')
who['sec'].post('/signin', login='clerk', password=PASSWORD)
who['non'] = browser(c)
# what was a session once: each must be worth exactly nothing
dead = {}
for kind in ('ended', 'out', 'closed', 'over'):
    dead[kind] = come(kind, 'vendor' if kind == 'over' else 'clerk', kind != 'over', **(
        {'until': DUE, 'objects': f'request:{mine}'} if kind == 'over' else {}))
gone = dead['ended'].twin()
dead['ended'].post('/me/sessions')
dead['ended'] = gone
account = {login: i for i, login in c.sql('SELECT id, login FROM accounts')}
is_(dir_.post(f'/settings/accounts/{account["closed"]}/do/disable').status, 303, 'an account is closed')
c.sql('UPDATE sessions SET ends = 1 WHERE account = ?', account['out'])
c.sql('UPDATE accounts SET valid_until = 1 WHERE id = ?', account['over'])
dead['invented'] = browser(c)
dead['invented'].cookies['__Host-mamori'] = 'A' * 43

c.stop()
SCOPES = [a + ':' + v for a, vs in {'today': 'read', 'guide': 'read write', 'register': 'read write', 'people': 'read write',
                                    'vault': 'read run', 'requests': 'read'}.items() for v in vs.split()]


def token(login, *scopes):
    return c.cli('token', 'add', login, *[x for s in scopes for x in ('--scope', s)])['token']


tokens = {'all': token('director', *SCOPES, 'measure:backup.'), 'few': token('director', 'vault:read'), 'non': None,
          'exp': token('director', *SCOPES), 'rev': token('director', *SCOPES), 'cki': None}
ids = [t['id'] for t in c.cli('token', 'list')['tokens']]  # newest first: rev, exp, ...
c.cli('token', 'revoke', ids[0])
c.sql('UPDATE api_tokens SET ends = 1 WHERE id = ?', ids[1])
c.start()

PACK = re.search(r'href="/guide/packs/([^"/]+)"', dir_.get('/guide').text)[1]
ITEM = re.search(rf'href="/guide/packs/{PACK}/([^"/#]+)', dir_.get(f'/guide/packs/{PACK}').text)[1]
REAL = {'/guide/packs/:id': f'/guide/packs/{PACK}', '/guide/packs/:id/:item': f'/guide/packs/{PACK}/{ITEM}',
        '/settings/accounts/:id': f'/settings/accounts/{account["staff"]}',
        '/settings/accounts/:id/edit': f'/settings/accounts/{account["staff"]}/edit',
        '/api/v1/guide/packs/:id': f'/api/v1/guide/packs/{PACK}'}
OWN = {'/guide/requests/:id': mine, '/register/:kind/:id': own}
OTHER = {'/guide/requests/:id': theirs, '/register/:kind/:id': other}


def address(path, objects):
    for head, it in objects.items():
        if path.startswith(head):
            path = head.replace(':kind', 'device').replace(':id', it) + path[len(head):]
    path = REAL.get(path, path)
    return re.sub(r':([a-z]+)', lambda m: {'kind': 'device', 'act': 'none', 'token': 'A' * 43, 'seq': '1'}.get(m[1], '1'), path)


def shake(w, method, path, bearer=None):
    """What the gate says. A body of a type that no page takes is refused (415) behind the gate and before the page,
    so that nothing is changed."""
    global source
    headers = {'Authorization': 'Bearer ' + bearer} if bearer else {}
    body = None
    if method in ('POST', 'PUT', 'PATCH'):
        headers['Content-Type'], body = 'application/x-nothing', 'x'
        if '/signin' in path or '/vendor/' in path or '/l/' in path or '/setup/' in path or path == '/me/totp':
            w = w.twin()  # few tries an address: another address each time
            source += 1
            w.source = f'127.1.{source // 250}.{source % 250 + 1}'
    a = w.ask(method, path, body, headers, keep=False)
    if '127.1.' in w.source:
        w.close()
    return a


def verdict(a, method, path):
    """The letter that this answer stands for; '?...' when none does."""
    to = a.head('location')
    if a.status in (500, 503, 405, 421, 429):
        return f'?{a.status}'
    if a.status == 303 and (to == '/signin' or to.startswith('/signin?')) and path not in ('/signin',):
        return 'P' if path.startswith('/setup/') else 'S'
    if a.status == 401:
        return 'S'
    if a.status == 403:
        return 'N'
    if a.status == 303 and to.startswith('/signin/again'):
        return 'F'
    if a.status == 303 and to == '/signin/second':
        return '2'
    if a.status == 303 and to == '/me' and not path.startswith(('/me', '/signin')):
        return 'M'
    if method == 'POST' and a.status != 415:
        return f'?{a.status}'
    return 'Y'


ASKED = 0


def check(label, w, method, path, want, objects=OWN, bearer=None):
    global ASKED
    at = address(path, objects)
    a = shake(w, method, at, bearer)
    ASKED += 1
    got = verdict(a, method, path)
    if want == 'P':
        return '' if got in 'YP' or (a.status == 303 and method == 'GET') else f'{label}: {method} {at}: {a.status}, open to all'
    if got != want:
        return f'{label}: {method} {at}: {got} ({a.status} {a.head("location")}) instead of {want}'
    if method == 'GET' and not bearer:
        h = shake(w, 'HEAD', at)
        ASKED += 1
        if (h.status, h.head('location'), h.body) != (a.status, a.head('location'), b''):
            return f'{label}: HEAD {at}: {h.status} instead of {a.status}, {len(h.body)} bytes'
    return ''


def fresh(yes):
    c.sql('UPDATE sessions SET fresh_at = ?', int(time.time() * 1e6) if yes else 1)
    c.sql('UPDATE sessions SET seen = ?', int(time.time() * 1e6))


def run(rows, column, w, name, dead=False, stale=True):
    bad = []
    for (method, path), verdicts in rows.items():
        want = verdicts[column]
        if dead and method != 'GET' and want == 'Y':
            want = 'S'
        if not stale:
            if want != 'F':
                continue
            want = 'Y'
        bad.append(check(name, w, method, path, 'Y' if want == 'o' else want))
        if want == 'o':
            bad.append(check(name + ' (another\'s)', w, method, path, 'N', OTHER))
    return [b for b in bad if b]


for i, role in enumerate(roles):
    fresh(False)
    bad = run(pages, i, who[role], role)
    fresh(True)
    bad += run(pages, i, who[role], role, stale=False)
    ok(not bad, f'{role}: each page answers as written', '\n'.join(bad))
for kind, w in dead.items():
    bad = run(pages, roles.index('non'), w, kind)
    ok(not bad, f'a session that is {kind} is worth nothing anywhere', '\n'.join(bad))
w = browser(c)
for i, holder in enumerate(holders):
    bad = [check(holder, dir_ if holder == 'cki' else w, m, p, v[i], bearer=tokens[holder]) for (m, p), v in api.items()]
    ok(not any(bad), f'API, {holder}: each row answers as written', '\n'.join(b for b in bad if b))

# --- every other method of every address
bad = []
for path in sorted({p for _, p in known}):
    has = {m for m, p in known if p == path}
    has |= {'HEAD'} if 'GET' in has else set()
    for method in METHODS:
        if method in has:
            continue
        for w in (who['non'], dir_):
            at = address(path, OWN)
            if '/new' in path or any(q != path and ':' in q and re.fullmatch(re.sub(r':[a-z]+', '[^/]+', q), at) and m == {'HEAD': 'GET'}.get(method, method)
                                     for m, q in known):
                continue  # the address also fits a row with a part of any name
            a = shake(w, method, at)
            ASKED += 1
            allow = set(a.head('allow').replace(',', ' ').split())
            if a.status != 405 or not allow >= has:
                bad.append(f'{method} {at}: {a.status}, Allow: {a.head("allow")}')
ok(not bad, 'what no row has is 405 and says what there is', '\n'.join(bad))
print(f'# {ASKED} requests')

# --- others' ids, with real forms
fresh(True)
clk, zon, ven = who['clk'], who['zon'], who['ven']
for w in (dir_, clk, zon, ven, ven2):
    w.get('/me')
a = dir_.post('/guide/morning')
task = a.head('location')
ok(task.startswith('/tasks/'), 'the director starts long work', f'{a.status} {a.text[-500:]}')
is_(dir_.get(task + '?stay=1').status, 200, 'and sees it')
for w, name in ((clk, 'the clerk'), (zon, 'a keeper'), (who['gls'], 'the emergency')):
    is_([w.get(task).status, w.get(task + '/file').status, w.post(task + '/stop').status], [404] * 3, f'{name} finds none of it')
number = task.rsplit('/', 1)[1]
for p in (f'/vault/look/{number}', f'/vault/file/{number}', f'/vault/picture/{number}', f'/register/device/import/{number}'):
    is_(clk.get(p).status, 404, f'nor by {p.rsplit("/", 1)[0]}')
sid = c.sql('SELECT id FROM sessions WHERE account = ? ORDER BY created DESC', account['director'])[0][0]
clk.post('/me/sessions', session=sid)
is_(dir_.get('/me').status, 200, "another's session is not ended")
is_(clk.get('/me').status, 200, 'nor is one\'s own')


c.sql("INSERT INTO passkeys (id, account, cred, alg, cose, count, name, synced, created) "
      "VALUES ('pk1', ?, x'01', -7, x'02', 0, 'n', 0, 1)",
      account['director'])
clk.post('/me/passkey/pk1/drop')
is_(c.sql("SELECT count(*) FROM passkeys WHERE id = 'pk1'")[0][0], 1, "another's passkey stays")
dir_.get('/me')
dir_.post('/me/passkey/pk1/drop')
is_(c.sql("SELECT count(*) FROM passkeys WHERE id = 'pk1'")[0][0], 0, 'its owner takes it away')
is_(zon.get(f'/register/device/{own}/edit').status, 200, 'a keeper opens the form of his own record')
a = zon.post(f'/register/device/{own}', rev='1', f_name='受付の端末 葛󠄀', f_kind='pc')
ok(a.status == 303 and '葛󠄀' in dir_.get(f'/register/device/{own}').text, 'and changes it', f'{a.status}')
a = zon.post(f'/register/device/{other}', rev='1', f_name='取った', f_kind='pc')
ok(a.status == 403 and '取った' not in dir_.get(f'/register/device/{other}').text, "never another's", f'{a.status}')
dir_.post(f'/register/device/{other}/attach', file=('契約.txt', '乙の契約'.encode()), day='2026-01-01')
foreign = c.sql('SELECT id FROM record_files ORDER BY id DESC LIMIT 1')[0][0]
is_(dir_.get(f'/register/device/{other}/files/{foreign}').status, 200, 'a file lies at the other record')
is_(zon.get(f'/register/device/{own}/files/{foreign}').status, 404, 'it cannot be had through one\'s own')
zon.post(f'/register/device/{own}/detach', file=str(foreign))
is_(dir_.get(f'/register/device/{other}/files/{foreign}').status, 200, 'nor taken away through it')
is_([ven.get(f'/guide/requests/{mine}').status, ven.get(f'/guide/requests/{theirs}').status], [200, 403], 'a vendor sees what was asked of him')
is_([ven2.get(f'/guide/requests/{theirs}').status, ven2.get(f'/guide/requests/{mine}').status], [200, 403], 'and so does the other')
for odd in (f'0{theirs}', f'{theirs}%20', f'+{theirs}', f'{mine}/../{theirs}', f'{theirs}%00'):
    a = ven.get(f'/guide/requests/{odd}')
    ok(a.status in (403, 404, 400) and '乙電子' not in a.text, f'nor by {odd}', a.status)
ok('乙電子' not in ven.get(f'/guide/requests/{mine}').text, 'and nothing of the other is on his page')
link = re.search(r'/vendor/([A-Za-z0-9_-]+)', dir_.post(f'/guide/requests/{mine}/link').text)[1]
w = browser(c)
ok('甲システム' in (a := w.get(f'/vendor/{link}')).text and a.status == 200, 'his address opens his request', a.status)
newer = re.search(r'/vendor/([A-Za-z0-9_-]+)', dir_.post(f'/guide/requests/{mine}/link').text)[1]
is_([w.get(f'/vendor/{link}').status, w.get(f'/vendor/{newer}').status], [410, 200], 'a newer one ends the older')
fields = dict.fromkeys(re.findall(r'name="(v-[^"]+)"', w.get(f'/vendor/{newer}').text), 'yes')
a = w.post(f'/vendor/{newer}', name='甲', **fields)
is_([a.status, w.get(f'/vendor/{newer}').status], [200, 410], 'answered once')
ok('甲' in dir_.get(f'/guide/requests/{mine}').text, 'and the director reads who answered')
for role in ('clk', 'stf', 'zon', 'ven', 'ins', 'gls'):
    who[role].get('/me' if role != 'gls' else '/')
    a = who[role].post(f'/settings/accounts/{account["director"]}/do/disable')
    ok(a.status == 403, f'{role} closes nobody\'s account', a.status)
is_(c.sql('SELECT state FROM accounts WHERE id = ?', account['director'])[0][0], 'active', 'the director is still there')
ok(c.proc.poll() is None, 'and the console runs')
is_(c.stop(), 0, 'and ends as it should')
said = [f for f in c.cli('fact', 'list')['facts'] if f['source']['by'] == 'vendor']
ok(said, 'what the vendor said is a fact of his')
ok(c.cli('verify'), 'and every seal holds')
done()
