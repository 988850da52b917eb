"""The console's figures, for bench/console.sh. One line a measure: what, figure, unit, limit, load, more."""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ['MAMORI_SRC'], 'tests'))
from web import MAMORI, Console, Web  # noqa: E402

ROWS, USERS = int(os.environ.get('ROWS', '10000')), int(os.environ.get('USERS', '50'))
os.chdir(tempfile.mkdtemp(prefix='mamori-console-', dir=os.environ.get('MAMORI_BENCH_DIR', '/tmp')))
bad = 0


def say(what, figure, unit, limit=None, more=''):
    global bad
    over = limit is not None and figure > limit
    bad += over
    print(f'{what}\t{figure:.1f}\t{unit}\t{"" if limit is None else f"<= {limit}"}{" MISSED" if over else ""}\tload {os.getloadavg()[0]:.1f}\t{more}')
    sys.stdout.flush()


def csv(name, head, rows):
    with open(name, 'w', encoding='utf-8-sig') as f:
        f.write(','.join(head) + '\n')
        for r in rows:
            f.write(','.join(r) + '\n')
    return name


def take(kind, name):
    p = subprocess.run([MAMORI, '--state', c.state, '--json', 'register', 'import', kind, name, '--conflict', 'update'], capture_output=True, text=True)
    if p.returncode:
        sys.exit(f'import of {kind}: {p.returncode} {p.stdout[-600:]} {p.stderr[-600:]}')


# --- a hospital of 200 beds in its registers: made up, the same each time
BEDS = 520  # devices
KANJI = '佐藤 鈴木 高橋 髙橋 田中 渡邉 﨑山 𠮷野 葛󠄀城 山本 中村 小林 加藤 吉田 山田 佐々木'.split()
GIVEN = '一郎 花子 美咲 大輔 健 由美 直樹 恵 拓也 真理 翔 亜希子 誠 久美子 学'.split()
c = Console()
d = Web(c, 10)
d.director()
d.post('/register/facility', f_name='練習総合病院', f_type='hospital', f_beds='200', f_address='徳島県', f_phone='0883-00-0000')
d.close()
c.stop()
def devices(lo, hi):
    return csv('device.csv', ['名前・管理番号', '種類', '置き場所', 'メーカー', '型番', '製造番号', 'IPアドレス'],
               ([f'PC-{i:05} {KANJI[i % 16]}', ('パソコン', 'サーバー', 'タブレット')[i % 3], f'{i % 9 + 1}階 {"東西南北"[i % 4]}病棟', '㈱メーカー',
                 f'M-{i % 40}', f'SN{i * 7919 % 1000003}', f'10.{i // 65536}.{i // 256 % 256}.{i % 256}'] for i in range(lo, hi)))


take('device', devices(0, BEDS))
take('person', csv('person.csv', ['名前', '区分', '職種'], ([f'{KANJI[i % 16]} {GIVEN[i // 16 % 15]}', ('法令上の守秘義務のある者', '雇用契約下の事務')[i % 3 == 0],
                                                          ('医師', '看護師', '事務')[i % 3]] for i in range(240))))
take('system', csv('system.csv', ['名前', '種類'], ([f'{x} {i}号機', x] for i in range(1, 6) for x in ('電子カルテ', '画像（PACS）', '検査', '予約', '調剤'))))
take('contact', csv('contact.csv', ['名前', '種類', '電話'], ([f'{KANJI[i % 16]} {i}', ('職員', '業者', '警察')[i % 3], f'0883-00-{i:04}'] for i in range(40))))
take('vendor', csv('vendor.csv', ['名前'], ([f'㈱{KANJI[i % 16]}システム {i}'] for i in range(40))))
c.start()
d.get('/me')
HZ = os.sysconf('SC_CLK_TCK')


def cpu(pid, children=False):
    """Processor seconds so far; of what it started and saw end, too."""
    x = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()
    return (int(x[11]) + int(x[12]) + ((int(x[13]) + int(x[14])) if children else 0)) / HZ


# --- the binder
runner = open(f'/proc/{c.proc.pid}/task/{c.proc.pid}/children').read().split()[0]
before = cpu(runner, True)
t0 = time.perf_counter()
a = d.post('/guide/binder')
m = re.match(r'/tasks/([0-9a-f]+)', a.head('location'))
if not m:
    sys.exit(f'binder: {a.status} {a.head("location")} {a.text[-400:]}')
while (s := c.sql('SELECT state, message FROM tasks WHERE id = ?', m[1])[0])[0] not in ('done', 'failed'):
    time.sleep(0.02)
took = time.perf_counter() - t0
if s[0] != 'done':
    sys.exit(f'binder: {s}')
pdf = d.get(f'/tasks/{m[1]}/file').body
open('binder.pdf', 'wb').write(pdf)
pages = int(re.search(r'Pages:\s+(\d+)', subprocess.run(['pdfinfo', 'binder.pdf'], capture_output=True, text=True).stdout)[1])
say(f'binder of 200 beds, {pages} pages: from the button to the file', took, 's', 3, f'{cpu(runner, True) - before:.1f} CPU-s')
say(f'binder of 200 beds, {pages} pages: size', len(pdf) / 1e6, 'MB', 1.5)

# --- 10,000 rows
d.close()
c.stop()
take('device', devices(BEDS, ROWS))
c.start()
d.get('/me')


def page(path, times=15):
    out, used = [], cpu(c.proc.pid)
    for _ in range(times):
        t = time.perf_counter()
        a = d.get(path)
        out.append((time.perf_counter() - t) * 1000)
        if a.status != 200:
            sys.exit(f'{path}: {a.status} {a.text[-500:]}')
    return statistics.median(out), max(out), f'{(cpu(c.proc.pid) - used) * 1000 / times:.1f} CPU-ms, {len(a.body) // 1024} KiB'


for what, path in (('list', '/register/device'), ('last page', f'/register/device?page={ROWS // 50}'), ('sorted by name, down', '/register/device?sort=-name'),
                   ('sorted by a column', '/register/device?sort=place'), ('search', '/register/device?q=%E9%AB%99%E6%A9%8B'), ('search, nothing found', '/register/device?q=zzzz'),
                   ('one choice', '/register/device?f=kind:server'), ('tiles', '/register'), ('one record', None), ('today', '/'), ('checklists', '/guide'), ('people', '/people')):
    if path is None:
        path = re.search(r'href="(/register/device/[^"/?]+)"', d.get('/register/device').text)[1]
    mid, worst, size = page(path)
    say(f'{ROWS} rows: {what}', mid, 'ms, median of 15', 200, f'worst {worst:.0f} ms, {size}')
PACK = re.search(r'href="/guide/packs/([^"/]+)"', d.get('/guide').text)[1]
mid, worst, size = page(f'/guide/packs/{PACK}')
say('a checklist', mid, 'ms, median of 15', 200, f'worst {worst:.0f} ms, {size}')


# --- everything that is mamorid, idle
def rss():
    total = {}
    kids = [c.proc.pid] + [int(x) for x in open(f'/proc/{c.proc.pid}/task/{c.proc.pid}/children').read().split()]
    for pid in kids:
        text = open(f'/proc/{pid}/smaps_rollup').read()
        for k in ('Rss', 'Pss'):
            total[k] = total.get(k, 0) + int(re.search(rf'^{k}:\s+(\d+)', text, re.M)[1])
    return total, len(kids)


d.close()
time.sleep(2)
total, n = rss()
say(f'idle, after that: {n} processes', total['Rss'] / 1024, 'MiB resident, shared pages counted twice', 64, f'Pss {total["Pss"] / 1024:.1f}')

# --- many users: each a curl of its own address with its own connection, one page after the other
cookies = '; '.join(f'{k}={v}' for k, v in d.cookies.items())
PAGES = ['/', '/register/device', '/guide', f'/guide/packs/{PACK}', '/register', '/register/device?q=%E9%AB%99', '/people', '/papers', '/vault', '/me']


def crowd(users, turns, think):
    jobs = []
    for u in range(users):
        args = ['curl', '-sk', '--interface', f'127.0.{u // 200 + 1}.{u % 200 + 1}', '-H', f'Cookie: {cookies}', '-w', '%{http_code} %{time_total} %{time_appconnect}\n']
        if think:
            args += ['--rate', f'{int(60 / think)}/m']
        for t in range(turns):
            args += ['-o', '/dev/null', c.url + PAGES[(u + t) % len(PAGES)]]
        jobs.append(subprocess.Popen(args, stdout=subprocess.PIPE, text=True))
        if think:
            time.sleep(think / users)
    t, used = time.perf_counter(), cpu(c.proc.pid)
    lines = [x.split() for j in jobs for x in j.communicate()[0].splitlines()]
    t = time.perf_counter() - t
    wrong = [x for x in lines if x[0] != '200']
    if wrong:
        sys.exit(f'{len(wrong)} of {len(lines)} pages failed: {wrong[0]}')
    # a connection's first request stands for itself: the handshake is not the page
    took = sorted((float(x[1]) - float(x[2])) * 1000 for x in lines)
    return statistics.median(took), took[int(len(took) * 0.95)], len(lines), t, (cpu(c.proc.pid) - used) * 1000 / len(lines)


mid, p95, n, t, each = crowd(USERS, 12, 1.0)
say(f'{USERS} users, a page a second each', mid, f'ms, median of {n}', 100, f'95 % {p95:.0f} ms, {each:.1f} CPU-ms a page')
mid, p95, n, t, each = crowd(USERS, 12, 0)
say(f'{USERS} users, without a pause', mid, f'ms, median of {n}', None, f'95 % {p95:.0f} ms, {n / t:.0f} pages a second, {each:.1f} CPU-ms a page')

c.stop()
if 'KEEP' not in os.environ:
    shutil.rmtree(os.getcwd())
sys.exit(1 if bad else 0)
