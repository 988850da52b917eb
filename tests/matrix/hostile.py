"""What strangers and bad luck send: requests that two readers would read differently, headers, paths, forged forms, guesses,
scripts in every field, files that are not what they say."""
import html.parser
import io
import os
import random
import re
import statistics
import sys
import time
import zipfile

sys.path.insert(0, os.path.join(os.environ['MAMORI_SRC'], 'tests'))
import subprocess  # noqa: E402

from web import MAMORID, PASSWORD, SLOW, Console, Web, done, is_, ok, totp  # noqa: E402

c = Console()
number = 10


def browser():
    global number
    number += 1
    return Web(c, number)


def alive(what):
    return ok(c.proc.poll() is None and browser().get('/healthz').status == 200, f'the console stands after {what}')


d = browser()
d.director()
HOST = f'Host: 127.0.0.1:{c.port}'

# --- one request that two readers would read as two, or the other way round
second = f'GET /healthz HTTP/1.1\r\n{HOST}\r\nConnection: close\r\n\r\n'
good = browser().raw(f'GET /signin HTTP/1.1\r\n{HOST}\r\n\r\n{second}'.encode())
ok(good.count(b'HTTP/1.1 200') == 2 and good.endswith(b'ok\n'), 'two honest requests on one line are two answers', good[-200:])
L = len(second)
smuggled = {
    'both lengths and chunks': f'POST /signin HTTP/1.1\r\n{HOST}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{second}',
    'chunks, and a length behind': f'POST /signin HTTP/1.1\r\n{HOST}\r\nTransfer-Encoding: chunked\r\nContent-Length: {L + 5}\r\n\r\n0\r\n\r\n{second}',
    'chunks alone': f'POST /signin HTTP/1.1\r\n{HOST}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{second}',
    'chunks spelled oddly': f'POST /signin HTTP/1.1\r\n{HOST}\r\nTransfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n{second}',
    'chunks with a tab': f'POST /signin HTTP/1.1\r\n{HOST}\r\nTransfer-Encoding:\tchunked\r\nContent-Length: 0\r\n\r\n{second}',
    'identity': f'POST /signin HTTP/1.1\r\n{HOST}\r\nTransfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n{second}',
    'two lengths that differ': f'POST /signin HTTP/1.1\r\n{HOST}\r\nContent-Length: {L}\r\nContent-Length: 0\r\n\r\n{second}',
    'two lengths that agree': f'POST /signin HTTP/1.1\r\n{HOST}\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n{second}',
    'a list of lengths': f'POST /signin HTTP/1.1\r\n{HOST}\r\nContent-Length: 0, 0\r\n\r\n{second}',
    'a length with a sign': f'POST /signin HTTP/1.1\r\n{HOST}\r\nContent-Length: +0\r\n\r\n{second}',
    'a length below nothing': f'POST /signin HTTP/1.1\r\n{HOST}\r\nContent-Length: -1\r\n\r\n{second}',
    'a length in hexadecimal': f'POST /signin HTTP/1.1\r\n{HOST}\r\nContent-Length: 0x0\r\n\r\n{second}',
    'a length that overflows': f'POST /signin HTTP/1.1\r\n{HOST}\r\nContent-Length: 18446744073709551616\r\n\r\n{second}',
    'a length that is none': f'POST /signin HTTP/1.1\r\n{HOST}\r\nContent-Length: \r\n\r\n{second}',
    'a body of a page that is read': f'GET /signin HTTP/1.1\r\n{HOST}\r\nContent-Length: {L}\r\n\r\n{second}',
    'a line that goes on': f'GET /signin HTTP/1.1\r\n{HOST}\r\nX-A: b\r\n Content-Length: {L}\r\n\r\n{second}',
    'a name with a space behind': f'GET /signin HTTP/1.1\r\n{HOST}\r\nContent-Length : {L}\r\n\r\n{second}',
    'a line without a colon': f'GET /signin HTTP/1.1\r\n{HOST}\r\nContent-Length\r\n\r\n{second}',
    'a return in a header': f'GET /signin HTTP/1.1\r\n{HOST}\r\nX-A: a\rContent-Length: {L}\r\n\r\n{second}',
    'two hosts': f'GET /signin HTTP/1.1\r\n{HOST}\r\nHost: evil.example\r\n\r\n{second}',
    'no host': f'GET /signin HTTP/1.1\r\n\r\n{second}',
    'somebody else\'s host': f'GET /signin HTTP/1.1\r\nHost: evil.example\r\n\r\n{second}',
    'two cookies': f'GET /signin HTTP/1.1\r\n{HOST}\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n{second}',
    'an address that names a host': f'GET https://evil.example/signin HTTP/1.1\r\n{HOST}\r\n\r\n{second}',
    'a host with a tail': f'GET /signin HTTP/1.1\r\n{HOST}@evil.example\r\n\r\n{second}',
    'a version that is none': f'GET /signin HTTP/9.9\r\n{HOST}\r\n\r\n{second}',
    'a head without end': f'GET /signin HTTP/1.1\r\n{HOST}\r\nX-A: {"a" * 40000}\r\n\r\n{second}',
    'many headers': f'GET /signin HTTP/1.1\r\n{HOST}\r\n' + ''.join(f'X-{i}: a\r\n' for i in range(3000)) + f'\r\n{second}',
}
bad = []
for name, text in smuggled.items():
    out = browser().raw(text.encode(), 4)
    first = re.match(rb'HTTP/1\.[01] (\d+)', out)
    status = int(first[1]) if first else 0
    # refused, and nothing behind it is read as a request of its own
    if out.endswith(b'\r\n\r\nok\n') and not (400 <= status < 500 and name in ('somebody else\'s host', 'two cookies', 'two hosts')):
        bad.append(f'{name}: the second request was answered ({status})')
    if status and not 400 <= status < 600:
        bad.append(f'{name}: {status}')
ok(not bad, f'{len(smuggled)} requests with two meanings have none', '\n'.join(bad))
for name, text in {'lines that end in LF alone': f'GET /healthz HTTP/1.1\n{HOST}\n\n',
                   'HTTP/0.9': 'GET /healthz\r\n', 'no letters at all': '\0\1\2\3' * 40, 'only line ends': '\r\n' * 500,
                   'TLS in TLS': '\x16\x03\x01\x02\0\1\0\1\xfc'}.items():
    out = browser().raw(text.encode('latin-1'), 2)
    ok(len(out) < 5000, f'{name}: no harm', out[:100])
alive('all that')

# --- headers
for p in ('/signin?to=/me%0d%0aX-Injected:%20yes', '/signin?lang=ja%0d%0aX-Injected:%20yes', '/?a=%0aX-Injected:%20yes',
          '/register/x%0d%0aX-Injected:%20yes', '/signin/again?to=%2Fme%250d%250aX-Injected'):
    for w in (d, browser()):
        a = w.get(p)
        ok(not a.head('x-injected') and not any(re.search(r'[\r\n]', v) for _, v in a.headers), f'no header comes of {p}', a.headers)
for to in ('//evil.example', 'https://evil.example', '/\\evil.example', '/%5cevil.example', '\thttps://evil.example', '/\t/evil.example',
           'javascript:alert(1)', '/signin/../..//evil.example', '///evil.example', '/@evil.example/..//x'):
    w = browser()
    w.get('/signin')
    a = w.post('/signin', login='director', password='x', to=to)
    m = re.search(r'name="to" value="([^"]*)"', a.text)
    shown = m[1] if m else ''
    ok(not shown or (shown.startswith('/') and not re.match(r'/[/\\\t]', shown)), f'one is never sent to {to!r}', shown)

# --- paths
for p in ('/static/../records.db', '/static/%2e%2e/records.db', '/static/..%2frecords.db', '/static/%2e%2e%2frecords.db',
          '/static/console.css%00.js', '/static/....//records.db', '/static/%c0%ae%c0%ae/records.db', '//static/x', '/./me', '/me/../settings',
          '/guide/evidence/..%2f..%2fkeys%2fidentity.key', '/guide/evidence/%2e%2e', '/tasks/..%2fx/file', '/me;x', '/me%00',
          '/register/device/..%2f..%2fx', '/' + 'a' * 3000, '/%', '/%zz', '/me%0a', '/vault/look/%2e%2e%2f', '/static/' + '%2e' * 500):
    a = d.get(p)
    ok(a.status in (400, 404, 414), f'{p[:60]} leads nowhere', f'{a.status} {a.body[:100]}')

# --- forged forms: every row that changes something, without its token, with another's, from elsewhere
clerk = browser()
a = d.post('/settings/accounts', name='担当', login='clerk', role='clerk', until='', objects='')
clerk.invited(re.search(r'<code>([A-Z0-9-]+)<', a.text)[1])
clerk.enrol(True)
rows = [line.split(' ', 1) for line in subprocess.run([MAMORID, '--routes'], capture_output=True, text=True,
                                                      check=True).stdout.splitlines()]
posts = [p for m, p in rows if m == 'POST' and not p.startswith('/api/')]


def at(p):
    return re.sub(r':([a-z]+)', lambda m: {'kind': 'device', 'token': 'A' * 43}.get(m[1], '1'), p)


before = c.sql('SELECT count(*) FROM accounts'), c.sql('SELECT count(*) FROM sessions'), c.sql('SELECT count(*) FROM records')
bad, spare = [], 0
for p in posts:
    for what, h, token in (('no token', {}, ''), ('another\'s token', {}, clerk.csrf), ('a token cut short', {}, d.csrf[:-1]),
                           ('from elsewhere', {'Origin': 'https://evil.example'}, d.csrf), ('from nowhere', {'Origin': 'null'}, d.csrf),
                           ('from another site', {'Sec-Fetch-Site': 'cross-site'}, d.csrf),
                           ('from a sister', {'Sec-Fetch-Site': 'same-site'}, d.csrf),
                           ('in plain letters', {'Content-Type': 'text/plain'}, d.csrf)):
        w = d.twin()
        spare += 1
        w.source = f'127.2.{spare // 250}.{spare % 250 + 1}'
        a = w.ask('POST', at(p), f'csrf={token}'.encode(), {'Content-Type': 'application/x-www-form-urlencoded', **h}, keep=False)
        w.close()
        if a.status != (415 if 'plain' in what else 403):
            bad.append(f'{what}: POST {p}: {a.status} {a.head("location")}')
ok(not bad, f'{len(posts)} forms, forged in 8 ways: none is taken', '\n'.join(bad))
is_((c.sql('SELECT count(*) FROM accounts'), c.sql('SELECT count(*) FROM sessions'), c.sql('SELECT count(*) FROM records')), before,
    'nothing changed')

# --- a session that was put there before
w = browser()
w.cookies = {'__Host-mamori': 'B' * 43, '__Host-mamori-pre': 'c' * 40}
w.get('/signin')
w.post('/signin', login='clerk', password=PASSWORD)
half = w.cookies['__Host-mamori']
ok(half not in ('B' * 43, '') and len(half) == 43, 'a session that was planted is not taken over')
thief = w.twin()
is_(w.get('/me').head('location')[:14], '/signin/second', 'half signed in')
w.get('/signin/second')
a = w.post('/signin/second', code=totp(clerk.secret, 1))
full = w.cookies['__Host-mamori']
ok(a.status == 303 and full != half, 'the second step gives a new session', a.status)
is_([w.get('/me').status, thief.get('/me').status], [200, 303], 'the one before is worth nothing')
old = w.twin()
w.get('/me')
w.post('/signout')
is_(old.get('/me').status, 303, 'nor is one that was signed out')
is_(len({browser().get('/signin').head('set-cookie') for _ in range(5)}), 5, 'each browser has its own mark')

# --- who has an account here?
c.sql('DELETE FROM throttle')
d.get('/me')
c.sql("UPDATE sessions SET fresh_at = ?", int(time.time() * 1e6))
a = d.post('/settings/accounts', name='閉', login='closed', role='staff', until='', objects='')
shut = browser()
shut.invited(re.search(r'<code>([A-Z0-9-]+)<', a.text)[1])
shut.enrol()
d.post('/settings/accounts', name='新', login='invited', role='staff', until='', objects='')
d.post('/settings/accounts/' + c.sql("SELECT id FROM accounts WHERE login = 'closed'")[0][0] + '/do/disable')


def guess(login, password='wrong-password-1'):
    w = browser()
    w.get('/signin')
    t = time.monotonic()
    a = w.post('/signin', login=login, password=password)
    t = time.monotonic() - t
    w.close()
    text = re.sub(r'value="[^"]*"', '', a.text.replace(login, 'LOGIN'))
    return t, (a.status, text, sorted(k for k, v in a.headers if k != 'Content-Length'))


times, answers = {}, {}
for turn in range(3):
    for login in ('director', 'nobody-x', 'closed', 'invited'):
        t, answers[login] = guess(login)
        times.setdefault(login, []).append(t)
for login in ('nobody-x', 'closed', 'invited'):
    is_(answers[login][0], answers['director'][0], f'{login} is answered as the director is')
    ok(answers[login] == answers['director'], f'{login}: the same bytes and headers')
slow, quick = max(min(v) for v in times.values()), min(min(v) for v in times.values())
ok(quick > slow * 0.4, f'and none is quicker: {" ".join(f"{k} {min(v) * 1000:.0f}" for k, v in times.items())} ms')
_, x = guess('closed', PASSWORD)
is_(x[0], 422, 'the right password of a closed account is as wrong as any')
ok(x == answers['director'], 'with the same bytes')

# --- guessing
w = browser()
w.get('/signin')
got = [w.post('/signin', login='director', password=f'wrong {i}').status for i in range(6)]
ok(429 in got, 'guesses have to wait', got)
far = browser()
far.get('/signin')
a = far.post('/signin', login='director', password=PASSWORD)
is_(a.status, 429, 'from other addresses too')
ok(int(a.head('retry-after')) >= 1, 'and are told how long')
w = browser()
w.get('/signin')
got = [w.post('/signin', login=f'made-up-{i}', password='x').status for i in range(26)]
ok(got[-1] == 429, 'one address tries few names', got)
w = browser()
w.get('/signin/invite')
got = [w.post('/signin/invite', code=f'ABCDE-{i:05}').status for i in range(26)]
ok(got[-1] == 429 and 303 not in got, 'nor invitations', got)
c.sql('DELETE FROM throttle')
w = browser()
w.get('/signin')
w.post('/signin', login='clerk', password=PASSWORD)
w.get('/signin/second')
got = [w.post('/signin/second', code=f'{i:06}').status for i in range(12)]
ok(429 in got or 303 in got[3:] or 401 in got, 'nor codes of a second factor', got)
is_(w.get('/guide').status, 303, 'and nobody is in')
is_(d.get('/me').status, 200, 'who is signed in stays so')
c.sql('DELETE FROM throttle')

# --- scripts in every field, shown back on every page
MARK = 'mmq'
PAYLOAD = '"\'><' + MARK + ' onclick=alert(1)><script>alert(1)</script></textarea></title>{{1}}&lt;' + MARK + ' 追加𠮷葛󠄀'


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.links, self.forms, self.bad, self.form, self.select = set(), [], [], None, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        at = dict(attrs)
        if tag == MARK or any(k.startswith('on') for k in at) or MARK in at or \
                (tag == 'script' and not re.fullmatch(r'/static/[a-z0-9.-]+\.js', at.get('src') or '')) or \
                any(re.match(r'\s*(javascript|data|vbscript):', at.get(k) or '', re.I) for k in ('href', 'src', 'action', 'formaction')) or \
                tag in ('iframe', 'object', 'embed', 'base', 'style') or 'style' in at:
            self.bad.append(f'<{tag} {at}>')
        if tag == 'a' and (at.get('href') or '').startswith(('/', '?')):
            self.links.add(at['href'])
        if tag == 'form':
            self.form = {'action': at.get('action', ''), 'method': at.get('method', 'get').lower(), 'fields': [],
                         'multi': 'multipart' in at.get('enctype', '')}
            self.forms.append(self.form)
        if self.form is not None and tag in ('input', 'textarea', 'select', 'button') and at.get('name'):
            self.form['fields'].append((tag, at.get('type', 'text'), at['name'], at.get('value', ''), 'checked' in at))
            self.select = at['name'] if tag == 'select' else self.select
        if tag == 'option' and self.form is not None and self.select and at.get('value'):
            self.form['fields'].append(('option', '', self.select, at['value'], False))

    def handle_endtag(self, tag):
        if tag == 'form':
            self.form = None
        if tag == 'select':
            self.select = None


NOT = re.compile(r'^/(signout|me/|signin|setup|tasks/|settings/accounts/[^/]+/do|vault/(restore|file|download|picture)|guide/(binder|first))')
shown, wrong, seen_forms = set(), [], set()
soon = time.strftime('%Y-%m-%d', time.localtime(time.time() + 20 * 86400))
today = time.strftime('%Y-%m-%d')


def look(w, a, where):
    p = Page(a.text)
    wrong.extend(f'{where}: {b}' for b in p.bad)
    if MARK in a.text:
        shown.add(re.sub(r'[0-9]+|[0-9a-f]{8,}', 'N', where.split('?')[0]))
    return p


def fill(form):
    out, options = {}, {}
    for tag, kind, name, value, on in form['fields']:
        if tag == 'option':
            options.setdefault(name, value)
        elif name == 'csrf' or kind in ('hidden', 'submit') or tag == 'button':
            out[name] = value
        elif kind == 'file':
            if form['multi']:
                out[name] = (PAYLOAD[:100] + '.txt', PAYLOAD.encode())
        elif kind == 'date' or re.search(r'due|date|day|_on$|^u-|held|target|next|until', name):
            out[name] = today if name in ('held', 'day') else soon
        elif kind == 'radio':
            out.setdefault(name, value)
            if value in ('no', 'unknown'):
                out[name] = value
        elif kind == 'checkbox':
            out[name] = value or '1'
        elif kind == 'number':
            out[name] = '3'
        elif name == 'login':
            out[name] = f'x{random.randrange(10 ** 9)}'
        elif tag == 'select':
            out[name] = ''
        else:
            out[name] = PAYLOAD
    out.update({k: v for k, v in options.items() if not out.get(k)})
    return out


def crawl(w, press, limit, pages=None):
    todo, done_, count = ['/'] + [p for m, p in rows if m == 'GET' and ':' not in p and not p.startswith(('/api', '/signin', '/setup'))], set(), 0
    while todo and count < limit:
        p = todo.pop(0)
        shape = re.sub(r'[^/?&=]*[0-9][^/?&=]*', 'N', p)
        if p in done_ or NOT.match(p) or 'lang=' in p or sum(re.sub(r'[^/?&=]*[0-9][^/?&=]*', 'N', x) == shape for x in done_) >= 3:
            continue
        done_.add(p)
        a = w.get(p)
        count += 1
        if a.status != 200 or 'text/html' not in a.head('content-type'):
            continue
        page = look(w, a, p)
        todo += [urljoin(p, x) for x in sorted(page.links)]
        for f in page.forms if press else []:
            key = re.sub(r'[0-9]+|[0-9a-f]{8,}', 'N', f['action'])
            if f['method'] != 'post' or NOT.match(f['action']) or key in seen_forms:
                continue
            seen_forms.add(key)
            fields = fill(f)
            fields.pop('csrf', None)
            b = w.post(f['action'], **fields)
            if 'text/html' in b.head('content-type'):
                look(w, b, 'answer of ' + f['action'])
            if b.head('location').startswith('/'):
                todo.insert(0, b.head('location'))
            if b.status >= 500:
                wrong.append(f'POST {f["action"]}: {b.status}')
            c.sql('UPDATE sessions SET fresh_at = ?', int(time.time() * 1e6))
    return count


from urllib.parse import quote, urljoin  # noqa: E402

random.seed(4)
d.get('/me')
c.sql('UPDATE sessions SET fresh_at = ?, seen = ?', int(time.time() * 1e6), int(time.time() * 1e6))
n = crawl(d, True, 220)
n += crawl(d, False, 160)
for w, login in ((d, None), (browser(), None)):
    for p in ('/signin', '/signin/invite', '/signin/emergency', '/signin/switch', '/signin/again'):
        w.get(p)
        a = w.post(p, login=PAYLOAD, password='x', code=PAYLOAD, who=PAYLOAD, why=PAYLOAD, account=PAYLOAD, pin=PAYLOAD, to='/' + PAYLOAD)
        look(w, a, p)
for p in ('/register/device?q=', '/register/person?sort=', '/settings/access?what=', '/settings/access?account=', '/guide/findings?title=', '/guide/requests/new?vendor=',
          '/vault/restore?system=', '/guide/packs/', '/register/', '/vault/systems/', '/tasks/', '/vendor/', '/l/', '/x?'):
    look(d, d.get(p + quote(PAYLOAD, safe='')), p)
print(f'# {n} pages, {len(seen_forms)} forms pressed, shown back on {len(shown)} kinds of page: {" ".join(sorted(shown))}')
ok(len(seen_forms) >= 15, f'{len(seen_forms)} forms were filled')
ok(len(shown) >= 15, f'what was typed is shown on {len(shown)} kinds of page')
ok(not wrong, 'nowhere as anything but text', '\n'.join(wrong))
alive('scripts')

# --- files
def spool():
    return sorted(x for x in os.listdir(os.path.join(c.state, 'spool')) if x.startswith('up-'))


spooled = spool()
rec = d.post('/register/device', f_name='添付', f_kind='pc').head('location')
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
for name, data in (('../../../../etc/cron.d/x', b'x1'), ('..\\..\\x.exe', b'MZ\x90'), ('a\r\nX-Injected: yes.txt', b'x2'), ('x.html', b'<script>alert(1)</script>'),
                   ('x.svg', SVG), ('\u202egpj.exe', b'MZ1'), ('a"; filename="b.html', b'x3'), ('n' * 400 + '.txt', b'x4'), ('.htaccess', b'x5'),
                   ('葛󠄀 𠮷①㈱.pdf', b'%PDF-1.4 x'), ('nul\0.txt', b'x6'), ('', b'x7')):
    a = d.post(rec + '/attach', file=(name, data), day=today)
    if a.status not in (303, 400, 422):
        ok(False, f'a file called {name[:30]!r}', a.status)
files = re.findall(r'href="(/register/device/[^"]+/files/[0-9]+)"', d.get(rec).text)
ok(len(files) >= 6, f'{len(files)} files with odd names are kept')
bad = []
for f in files:
    a = d.get(f)
    if a.status != 200 or not a.head('content-disposition').startswith('attachment;') or 'sandbox' not in a.head('content-security-policy') or \
            a.head('x-content-type-options') != 'nosniff' or 'html' in a.head('content-type') or 'svg' in a.head('content-type') or \
            a.head('x-injected') or re.search(r'[\r\n\\/]|\.\.', a.head('content-disposition').split("UTF-8''")[-1]):
        bad.append(f'{f}: {a.status} {a.headers}')
ok(not bad, 'and are only ever saved, never shown', '\n'.join(bad))
is_(spool(), spooled, 'nothing of them is left in the spool')


def zipped(**parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        for k, v in parts.items():
            z.writestr(k.replace('__', '/'), v)
    return out.getvalue()


def settled(a):
    """What became of the task, or of a file that began none."""
    m = re.search(r'/(?:tasks|import)/([0-9a-f]{8,})', a.head('location'))
    if not m:
        return f'{a.status} {a.head("location")}'
    for _ in range(int(600 * SLOW)):
        state = c.sql('SELECT state FROM tasks WHERE id = ?', m[1])[0][0]
        if state in ('done', 'failed', 'stopped'):
            return state
        time.sleep(0.1)
    return 'still running'


BOOK = '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>'
RELS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
HEAD = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
def book(rows):
    return zipped(**{'xl/workbook.xml': BOOK, 'xl/_rels/workbook.xml.rels': RELS, 'xl/worksheets/sheet1.xml':
                     HEAD + rows + '</sheetData></worksheet>'})


def line(*cells):
    return '<row>' + ''.join(f'<c t="inlineStr"><is><t>{x}</t></is></c>' for x in cells) + '</row>'


honest = line('名前・管理番号', '種類') + line('端末 葛󠄀', 'パソコン')
is_(settled(d.post('/register/device/import', file=('x.xlsx', book(honest)))), 'done', 'an honest spreadsheet is read')
a = d.post('/register/device/import', file=('x.xlsx', book(line('機器名', '置き場所', '&lt;script&gt;\u202e', *(f'列{i}' for i in range(190))) + line('端末', '=1+1', PAYLOAD.replace('&', '&amp;').replace('<', '&lt;')))))
is_(settled(a), 'failed', 'a list with columns of its own waits for a person')
shown = d.get(a.head('location')).text
task = re.search(r'/import/([0-9a-f]+)', a.head('location'))[1]
ok(f'<{MARK}' not in shown and '<script>' not in shown and '\u202e' not in shown and 'name="c193"' in shown, 'and shows 193 columns without harm')
for what, id, field in (('another field', task, 'frob'), ('an option', task, '--by'), ('another task', '0' * 32, 'name')):
    b = d.post(f'/register/device/import/{id}/columns', c1=field)
    ok(b.status in (404, 422), f'columns with {what} are refused', b.status)
b = d.post(f'/register/device/import/{task}/columns', c1='name', c2='place', c3='note', fill_kind='--pc')
is_(settled(b), 'failed', 'a value for all rows is no option')
bombs = {
    'a spreadsheet of 300 megabytes in one': book(honest + line('A' * 1000, 'パソコン') * 300000),
    'entities that grow': zipped(**{'xl/workbook.xml': '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><workbook>&b;</workbook>',
                                    'xl/_rels/workbook.xml.rels': RELS, 'xl/worksheets/sheet1.xml': HEAD}),
    'entities from a file': zipped(**{'xl/workbook.xml': '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><workbook>&a;</workbook>',
                                      'xl/_rels/workbook.xml.rels': RELS}),
    'a zip that climbs': zipped(**{'../../../x': 'x', 'xl/workbook.xml': BOOK}),
    'a zip cut short': zipped(**{'xl/workbook.xml': BOOK})[:-30],
    'a program called xlsx': b'MZ' + os.urandom(3000),
}
for name, data in bombs.items():
    t = time.monotonic()
    got = settled(d.post('/register/device/import', file=('x.xlsx', data)))
    t = time.monotonic() - t
    ok(got == 'failed' and t < 60 * SLOW, f'{name}: {got}')
rss = int(re.search(r'VmHWM:\s+(\d+)', open(f'/proc/{c.proc.pid}/status').read())[1])
ok(rss < 120000 * max(1, SLOW * 4 if SLOW > 1 else 1), f'the console never took more than {rss // 1024} MiB')
big = d.twin()
h = f'POST {rec}/attach HTTP/1.1\r\n{HOST}\r\nCookie: ' + '; '.join(f'{k}={v}' for k, v in d.cookies.items()) + '\r\nContent-Type: multipart/form-data; boundary=b\r\n'
out = big.raw((h + 'Content-Length: 99999999999\r\n\r\n--b\r\n').encode(), 3)
ok(b' 413 ' in out.split(b'\r\n')[0], 'a file that is too large is refused before it comes', out[:60])
for name, body in (('without an end', b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nx'), ('without a boundary', b'hello'),
                   ('with a head that never ends', b'--b\r\nX: ' + b'a' * 100000), ('in another multipart', b'--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n'),
                   ('with fields by the thousand', b''.join(b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n' % i for i in range(3000)) + b'--b--\r\n')):
    a = d.ask('POST', rec + '/attach', body, {'Content-Type': 'multipart/form-data; boundary=b'}, keep=False)
    ok(400 <= a.status < 500, f'a form {name} is refused', a.status)
many = {f'file{i}': (f'{i}.txt', b'x') for i in range(25)}
ok(d.post(rec + '/attach', **many).status in (400, 413), 'so are 25 files at once')

a = d.post('/guide/inspections', pack='葛󠄀' * 300)
ok(a.status in (303, 404, 422) and len(a.text) > 500, 'a message cut in the middle of a character is still a page', a.status)

# --- forms of nonsense
names = ['f_name', 'f_kind', 'rev', 'title', 'detail', 'plan', 'due', 'owner', 'value', 'note', 'held', 'chair', 'minutes', 'system', 'generation', 'path',
         'to', 'practice', 'vendor', 'form', 'id', 'file', 'login', 'role', 'until', 'objects', 'version', 'why', 'how', 'name', 'pack', 'item', 'round', 'code', 'v-1', 'd-1', 'u-1',
         'u', 'task', 'head', 'c1', 'c2', 'fill_kind']
words = ['', '0', '-1', '99999999999999999999', 'yes', '../../x', '%00', 'a' * 9000, '\ufeff', '葛󠄀' * 300, '\u202e', '2026-02-31', '9999-12-31', '*', 'device:*',
         "' OR 1=1 --", '{"a":1}', 'NaN', '\r\nX: y', '\t', 'null', '1e9', '\ud800'.encode('utf-8', 'surrogatepass').decode('latin-1')]
bad = []
d.get('/me')
targets = [p for p in posts if not re.match(r'^/(signout|me/|signin|setup|l/|vendor/|settings/accounts/:id/do|vault/(restore|systems|places)|guide/(binder|first|morning))', p)]
for i in range(260):
    p = targets[i % len(targets)]
    fields = {random.choice(names): random.choice(words) for _ in range(random.randrange(1, 12))}
    try:
        if i % 5 == 4:
            body = bytearray(('csrf=' + d.csrf + '&' + '&'.join(f'{k}={v}' for k, v in fields.items())).encode('utf-8', 'replace'))
            for _ in range(8):
                k = random.randrange(70, max(71, len(body)))
                body[k:k + 1] = bytes([random.randrange(256)])
            a = d.ask('POST', at(p), bytes(body), {'Content-Type': 'application/x-www-form-urlencoded'}, keep=False)
        else:
            a = d.post(at(p), **fields)
    except OSError as x:
        bad.append(f'POST {p}: {x}')
        continue
    if a.status >= 500:
        bad.append(f'POST {p} {fields}: {a.status}'[:300])
    if i % 20 == 0:
        c.sql('UPDATE sessions SET fresh_at = ?', int(time.time() * 1e6))
ok(not bad, '260 forms of nonsense: none makes the console fail', '\n'.join(bad))
alive('nonsense')
is_(c.stop(), 0, 'and it ends as it should')
ok(c.cli('verify'), 'every seal holds')
done()
