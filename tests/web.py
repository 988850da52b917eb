"""For scenarios that press the console hard: browsers without JavaScript, each with its own cookies and, since the
console counts by address, its own address of 127.0.0.0/8; and TAP.

    console = Console(state)          a console of its own on an empty state: .url .setup; .kill() .start() .stop()
    w = Web(console, 5)               a browser at 127.0.0.5
    a = w.get('/me')                  a.status a.head('location') a.text a.body
    a = w.post('/me/pin', pin='1')    with the token of the session's forms; values: text, or (name, bytes) for a file
    w.raw(b'GET / ...')               bytes as they are, the answer's bytes
"""
import atexit
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
import sys
import time
import urllib.parse

PASSWORD = 'kujira-to-umi-no-uta'
TORTURE = '追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～'
SRC, BUILD, MAMORI = (os.environ[k] for k in ('MAMORI_SRC', 'MAMORI_BUILD', 'MAMORI'))
MAMORID = os.path.join(BUILD, 'daemon/mamorid/mamorid')
SLOW = float(os.environ.get('MAMORI_TEST_SLOW', '1'))

# --- TAP
_count = _bad = 0


def ok(good, what, detail=''):
    global _count, _bad
    _count += 1
    _bad += not good
    print(f"{'' if good else 'not '}ok {_count} - {what}")
    if not good:
        for line in str(detail).splitlines()[:40]:
            print(f'#   {line}')
    sys.stdout.flush()
    return good


def is_(got, want, what):
    return ok(got == want, what, f'got:      {got}\nexpected: {want}')


def done():
    print(f'1..{_count}')
    sys.exit(1 if _bad else 0)


# --- the console
class Console:
    def __init__(self, state='state', options=()):
        self.state, self.options, self.proc = os.path.abspath(state), list(options), None
        self.port = 0
        atexit.register(lambda: self.proc and self.proc.poll() is None and self.kill())
        self.start()

    def start(self):
        """Start mamorid (again); at the same port, when there was one."""
        log = open('mamorid.log', 'ab')
        self.proc = subprocess.Popen([MAMORID, '--state', self.state, '--program', MAMORI, '--listen',
                                      f'127.0.0.1:{self.port}', *self.options], stdout=subprocess.PIPE, stderr=log,
                                     env={**os.environ, 'TZ': 'Asia/Tokyo'})
        line = self.proc.stdout.readline()
        if not line:
            raise RuntimeError('mamorid does not start: ' + open('mamorid.log', errors='replace').read()[-2000:])
        said = json.loads(line)
        self.url = said['url'].rstrip('/')
        self.port = int(self.url.rsplit(':', 1)[1])
        self.setup = said.get('setup')

    def kill(self):
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait()
        self.proc.stdout.close()

    def stop(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        rc = self.proc.wait(120)
        self.proc.stdout.close()
        return rc

    def sql(self, text, *args):
        db = sqlite3.connect(os.path.join(self.state, 'records.db'), timeout=30)
        try:
            rows = db.execute(text, args).fetchall()
            db.commit()
            return rows
        finally:
            db.close()

    def cli(self, *args):
        """The command line's answer (--json), or an error with what it said."""
        p = subprocess.run([MAMORI, '--state', self.state, '--json', *args], capture_output=True, text=True)
        if p.returncode:
            raise RuntimeError(f'mamori {args}: {p.returncode} {p.stdout} {p.stderr}')
        return json.loads(p.stdout)


# --- a browser
class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def head(self, name):
        return next((v for k, v in self.headers if k.lower() == name.lower()), '')

    @property
    def text(self):
        return self.body.decode('utf-8', 'replace')


def form_body(fields):
    return urllib.parse.urlencode([(k, v) for k, v in fields.items()], errors='surrogateescape').encode()


def multipart(fields, boundary='mamori-test-boundary'):
    out = b''
    for k, v in fields.items():
        if isinstance(v, tuple):
            name = v[0] if isinstance(v[0], bytes) else v[0].encode()
            out += (f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"; filename="'.encode() + name +
                    b'"\r\nContent-Type: application/octet-stream\r\n\r\n' + v[1] + b'\r\n')
        else:
            out += f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode()
    return out + f'--{boundary}--\r\n'.encode(), f'multipart/form-data; boundary={boundary}'


_tls = ssl.create_default_context()
_tls.check_hostname = False
_tls.verify_mode = ssl.CERT_NONE


class Web:
    def __init__(self, console, number=1):
        self.console, self.source = console, f'127.0.0.{number}' if number < 255 else \
            f'127.0.{number // 250}.{number % 250 + 1}'
        self.cookies, self.csrf, self.conn, self.used = {}, '', None, 0

    def close(self):
        if self.conn:
            self.conn.close()
        self.conn = None

    def ask(self, method, path, body=None, headers=None, keep=True):
        """One request. A connection that the server gave up is made again for what only reads."""
        h = {'User-Agent': 'mamori-test', **(headers or {})}
        if self.cookies:
            h.setdefault('Cookie', '; '.join(f'{k}={v}' for k, v in self.cookies.items()))
        if time.monotonic() - self.used > 5:  # the server gives up what is silent, perhaps just now
            self.close()
        for again in (True, False):
            try:
                if not self.conn:
                    self.conn = http.client.HTTPSConnection('127.0.0.1', self.console.port, timeout=60 * SLOW,
                                                            context=_tls, source_address=(self.source, 0))
                    self.conn.connect()
                    self.conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    again = False
                self.conn.request(method, path, body, h)
                r = self.conn.getresponse()
                a = Answer(r.status, r.getheaders(), r.read())
                self.used = time.monotonic()
                break
            except (http.client.HTTPException, OSError):
                self.close()
                if not again or method not in ('GET', 'HEAD'):
                    raise
        if a.head('connection').lower() == 'close':
            self.close()
        if keep:
            for k, v in a.headers:
                if k.lower() == 'set-cookie':
                    m = re.match(r'([^=]+)=([^;]*)', v)
                    if m and ('Max-Age=0' in v or not m[2]):
                        self.cookies.pop(m[1], None)
                    elif m:
                        self.cookies[m[1]] = m[2]
            m = re.search(rb'name="csrf" value="([0-9a-f]{64})"', a.body)
            if m:
                self.csrf = m[1].decode()
        return a

    def get(self, path, **headers):
        return self.ask('GET', path, headers=headers)

    def post(self, path, headers=None, /, **fields):
        fields = {'csrf': self.csrf, **fields}
        if any(isinstance(v, tuple) for v in fields.values()):
            body, kind = multipart(fields)
        else:
            body, kind = form_body(fields), 'application/x-www-form-urlencoded'
        return self.ask('POST', path, body, {'Content-Type': kind, **(headers or {})})

    def raw(self, data, wait=10.0):
        """Bytes as they are on a connection of their own; everything that comes back until it is closed or silent."""
        s = socket.create_connection(('127.0.0.1', self.console.port), timeout=wait * SLOW,
                                     source_address=(self.source, 0))
        out = b''
        try:
            with _tls.wrap_socket(s) as t:
                try:
                    t.sendall(data)
                    while True:
                        part = t.recv(65536)
                        if not part:
                            break
                        out += part
                except (TimeoutError, OSError):
                    pass
        except OSError:
            pass
        return out

    # -- signing in
    def twin(self):
        """The same cookies in a second browser."""
        w = Web(self.console, 1)
        w.source, w.cookies, w.csrf = self.source, dict(self.cookies), self.csrf
        return w

    def director(self):
        """The first start."""
        path = '/setup/' + self.console.setup.rsplit('/', 1)[1]
        self.get(path)
        self.post(path, name='院長 ' + TORTURE, login='director')
        self.enrol(second=True)

    def enrol(self, second=False):
        self.get('/me/password')
        a = self.post('/me/password', password=PASSWORD, again=PASSWORD)
        if a.status != 303:
            raise RuntimeError(f'no password: {a.status} {a.text[-800:]}')
        if second:
            self.secret = re.search(r'<code class="lead">([A-Z2-7 ]+)<', self.get('/me/totp').text)[1].replace(' ', '')
            a = self.post('/me/totp', code=totp(self.secret))
            if a.status != 303:
                raise RuntimeError(f'no second factor: {a.status}')
        self.get('/me')

    def invited(self, code):
        self.get('/signin/invite')
        a = self.post('/signin/invite', code=code)
        if a.status != 303:
            raise RuntimeError(f'invitation: {a.status} {a.text[-800:]}')


def totp(secret, step=0):
    k = base64.b32decode(secret + '=' * (-len(secret) % 8))
    h = hmac.new(k, struct.pack('>Q', int(time.time()) // 30 + step), hashlib.sha1).digest()
    o = h[19] & 15
    return '%06d' % ((struct.unpack('>I', h[o:o + 4])[0] & 0x7fffffff) % 1000000)
