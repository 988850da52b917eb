"""Every page that a director can reach by following links, in Japanese: no moment as programs write it, no English word
of a table or a key of the strings where people read. (53-console-matrix.sh asks who may; this asks what is said.)"""
import html
import os
import re
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.environ['MAMORI_SRC'], 'tests'))
from web import Console, Web, done, ok  # noqa: E402

WORDS = '''alarm.raised hook.test measured declared derived imported vendor pass fail unknown unsure red yellow green grey na open planned approved
done dropped draft sent answered closed signed todo doing live archived active disabled invited pending running failed
weekly daily clerk staff zone inspector technical physical organisational human found memory-high memory-med
memory-low found-draft official operator emr lis ris pacs other none must should gate info true false null'''.split()
WORD = re.compile(r'(?<![\w.:/@=#&-])(?:' + '|'.join(map(re.escape, WORDS)) + r')(?![\w.:/@=-])')
MOMENT = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d\S*')
KEY = re.compile(r'(?<![\w./@-])(?:guide|register|vault|wizard|today|people|notify|hook|mail|task|me|access|account)'
                 r'\.[a-z_]+(?:\.[a-z_-]+)*(?![\w/])')
EACH = 4  # pages of one kind


def seen(page):
    """What people read: no attributes, nothing between code, script or style tags, no typed values."""
    page = re.sub(r'(?s)<(script|style|code|pre|textarea|svg|head)\b.*?</\1>', ' ', page)
    page = re.sub(r'(?s)<!--.*?-->', ' ', page)
    return html.unescape(re.sub(r'<[^>]*>', '\n', page))


def kind(path):
    """/guide/packs/x/y and /guide/packs/x/z are pages of one kind."""
    parts = path.split('/')
    if path.startswith('/register/'):
        return '/'.join(p if i < 3 else '*' for i, p in enumerate(parts))
    if path.startswith('/wizard'):
        return path
    return '/'.join(p if i < 3 else '*' for i, p in enumerate(parts))


def links(page):
    for href in re.findall(r'href="(/[^"#]*)', page):
        href = html.unescape(href)
        if not href.startswith(('/static/', '//')) and 'lang=' not in href and 'sort=' not in href:
            yield href


def seed(w):
    """Something on every page."""
    def put(path, want=303, **fields):
        a = w.post(path, **fields)
        if a.status != want:
            ok(False, f'{path} takes it', f'{a.status} {seen(a.text)[-600:]}')
        return a.head('location')
    day = w.console.sql("SELECT date('now', '+9 hours', '+20 days')")[0][0]
    today = w.console.sql("SELECT date('now', '+9 hours')")[0][0]
    put('/register/vendor', f_name='㈱髙橋システム', f_email='a@example.jp')
    put('/register/person', f_name='山田 一', f_category='employee')
    put('/register/system', f_name='電子カルテ', f_kind='chart', f_connection='both', f_protection='none')
    put('/guide/findings', title='直すこと', pack='check-r8', item='R8-H-2-9')
    put('/guide/findings/1/plan', rev='1', plan='直す', due=day, owner='山田')
    put('/guide/reviews', held=today, chair='院長', minutes='話した')
    put('/guide/requests', vendor='㈱髙橋システム', practice='patches', due=day)
    put('/guide/practice/usb/say', value='yes', note='見た')
    put('/guide/practice/patches/say', value='no')
    put('/guide/packs/check-r8/R8-H-1-1', value='yes', note='見た', want=409)  # nothing is open yet
    a = w.get('/guide/packs/check-r8').text
    due = re.findall(r'name="due[12]"[^>]*value="([0-9-]+)"', a)
    run = put('/guide/inspections', pack='check-r8', due1=due[0], due2=due[1])
    items = sorted(set(re.findall(r'href="(/guide/packs/check-r8/[^"]+)"', w.get(run).text)))
    for i, item in enumerate(items):
        put(item, value='unknown' if i == 1 else 'yes', note='見た')
    put(run + '/sign', name='院長')
    put(run + '/round')
    put('/settings/mail', server='smtp://127.0.0.1:2525', name='医院', reply='', user='', base='', to='a@example.jp',
        **{'from': 'b@example.jp'})
    put('/settings/webhooks', name='監視', url='http://127.0.0.1:9/in', event='alarm.raised', inside='1', want=200)
    put('/settings/tokens', name='電子カルテ', scope='guide:read', days='30', want=200)
    try:  # nobody answers there, and that stands on the page
        w.console.cli('notify', 'hook', 'test', w.console.sql('SELECT id FROM webhooks')[0][0])
    except RuntimeError:
        pass


def walk(w):
    count, todo, been, bad = {}, ['/', '/guide', '/register', '/people', '/papers', '/incident', '/settings', '/wizard',
                                  '/vault', '/me', '/tasks'], set(), 0
    while todo:
        path = todo.pop(0)
        bare = path.split('?')[0]
        if path in been or count.get(kind(bare), 0) >= EACH:
            continue
        been.add(path)
        count[kind(bare)] = count.get(kind(bare), 0) + 1
        a = w.get(path)
        if a.status != 200 or not a.head('content-type').startswith('text/html'):
            continue
        todo += [urllib.parse.urljoin(path, h) for h in links(a.text)]
        said = seen(a.text)
        found = [m[0] for r in (MOMENT, WORD, KEY) for m in r.finditer(said)]
        if found:
            bad += 1
            lines = [line for line in said.splitlines() if MOMENT.search(line) or WORD.search(line) or KEY.search(line)]
            ok(False, f'{path}: in words', '\n'.join([', '.join(sorted(set(found)))] + [x.strip() for x in lines]))
    ok(bad == 0, f'{len(been)} pages of {len(count)} kinds say what they say in words')
    ok(len(count) >= 40, 'the walk went through the house', '\n'.join(sorted(count)))


# what must be found is found
ok(WORD.search(seen('<p>要約の確かさ: derived</p>')) and MOMENT.search(seen('<span>2026-11-22T03:10:00+09:00</span>')) and
   not WORD.search(seen('<p title="red"><code>red</code> https://x/red a-red</p>')), 'the look is sharp')
console = Console('state')
web = Web(console, 9)
web.director()
seed(web)
walk(web)
console.stop()
done()
