#!/bin/bash
# The compiler of templates refuses what could be dangerous or is only half said.
. "$MAMORI_SRC/tests/tap.sh"
command -v python3 >/dev/null || skip_all "python3 is missing"
exec python3 - "$MAMORI_SRC" "$PWD" <<'END'
import importlib.machinery, importlib.util, subprocess, sys
sys.dont_write_bytecode = True
src, here = sys.argv[1], sys.argv[2]
loader = importlib.machinery.SourceFileLoader("tmplc", src + "/tools/tmplc")
spec = importlib.util.spec_from_loader("tmplc", loader)
c = importlib.util.module_from_spec(spec)
loader.exec_module(c)
count = 0
JA = {"a.b": "あ", "a.n": "{n|number} 件"}
EN = {"a.b": "b", "a.n": "{n|number} things"}
PARTS = {"csrf": '<input type="hidden" name="csrf" value="{{app.csrf}}">', "lay": "<main>{{body}}</main>", "part": "<b>{{x}}</b>",
         "page": "{{layout lay}}<p>x</p>"}


def tap(good, what, why=""):
    global count
    count += 1
    print(("ok" if good else "not ok"), count, "-", what.replace("#", "\\#"))
    if not good:
        print("#", why)


def compile(t, parts=PARTS):
    c.tables({k: c.parse(k, v) for k, v in {**parts, "t": t}.items()}, JA, EN)


def good(t):
    try:
        compile(t)
        tap(True, "compiled: " + t)
    except c.Bad as e:
        tap(False, "compiled: " + t, str(e))


def bad(what, t=None, parts=PARTS):
    try:
        compile(t or what, parts)
        tap(False, "refused: " + what, t)
    except c.Bad:
        tap(True, "refused: " + what)


def words(what, ja, en, fine=False):
    open(here + "/w.ja", "w").write(ja)
    open(here + "/w.en", "w").write(en)
    try:
        c.same_keys(c.read_strings([here + "/w.ja"], "ja"), c.read_strings([here + "/w.en"], "en"))
        tap(fine, what)
    except c.Bad as e:
        tap(not fine, what, str(e))


bad('a value that is called body', '<p>{{body}}</p>')
bad('in a part, too', '<p>{{> part}}</p>', {**PARTS, 'part': '<b>{{body}}</b>'})
good('<p class="{{x}}">{{x}} {{t.a.b}} {{t:x}} {{x|date}}</p>')
good('<a href="/x/{{id}}?q={{q}}">{{t.a.n n=x}}</a>')
good('{{layout lay title=t.a.b}}<p>{{> part x="y"}}</p>')
good('<ul>{{#each a}}<li>{{.}}</li>{{else}}<li>{{t.a.b}}</li>{{/each}}</ul>')
good('<input{{#if x}} checked{{/if}} value="{{#if x == "y"}}a{{else}}{{b}}{{/if}}">')
good('<form method="post" action="/x">{{> csrf}}<button>x</button></form>')
good('<svg viewBox="0 0 9 9"><rect x="{{x}}" width="1"/></svg>')
good('<script src="/static/passkey.js"></script>')
bad('three braces', '<p>{{{x}}}</p>')
bad('inline script', '<script>x</script>')
bad('inline script after src', '<script src="/static/a.js">x</script>')
bad('script from elsewhere', '<script src="https://evil/x.js"></script>')
bad('script by value', '<script src="{{x}}"></script>')
bad('script by half a value', '<script src="/static/{{x}}"></script>')
bad('value in a script', '<script>{{x}}</script>')
bad('value in a comment', '<!-- {{x}} -->')
bad('sheet by value', '<link rel="stylesheet" href="{{x}}">')
bad('address javascript:', '<a href="javascript:x">x</a>')
bad('address elsewhere', '<a href="https://evil/">x</a>')
bad('address //', '<a href="//evil/">x</a>')
bad('address that begins with a block', '<a href="{{#if x}}/a{{/if}}{{y}}">x</a>')
bad('action elsewhere', '<form action="https://evil/"></form>')
bad('form without token', '<form method="post" action="/x"></form>')
bad('token only on one side', '<form method="post" action="/x">{{#if x}}{{> csrf}}{{/if}}</form>')
bad('token outside', '{{> csrf}}')
bad('http-equiv', '<meta http-equiv="content-security-policy" content="x">')
bad('img without alt', '<img src="/static/x.svg">')
bad('tags that cross', '<b><i></b></i>')
bad('a tag left open', '<div>')
bad('a tag closed twice', '</div>')
bad('a tag in one branch only', '{{#if x}}<b>{{/if}}')
bad('a loop that opens tags', '{{#each x}}<b>{{/each}}')
bad('an attribute ended in one branch', '<p class="{{#if x}}a">{{else}}b{{/if}}"></p>')
bad('unknown words', '{{t.no.such}}')
bad('unknown format', '{{x|html}}')
bad('unknown part', '{{> nope}}')
bad('unknown layout', '{{layout nope}}x')
bad('unknown block', '{{#raw}}x{{/raw}}')
bad('block left open', '{{#if x}}x')
bad('block closed twice', '{{/if}}')
bad('two elses', '{{#if x}}a{{else}}b{{else}}c{{/if}}')
bad('an argument that no hole takes', '{{t.a.b n=x}}')
bad('a part in an attribute', '<p class="{{> part}}"></p>')
bad('a lone <', '<p>a < b</p>')
bad('half a brace', '<p>{{x</p>')
good('<p>x</p>')
good('<p>y</p>')
for t in ('<p class={{x}}>', '<p {{x}}>', '<p {{x}}="y">', '<{{x}}>', '<p class=x>', "<p class='x'>", '<p a{{x}}="y">', '<p hidden{{x}}>',
          '<p hidden{{#if x}}y{{/if}}>'):
    bad(t, t + "</p>")
for a in "onclick onload ONERROR style srcdoc srcset xlink:href ping".split():
    bad("attribute " + a, f'<p {a}="x"></p>')
for t in "style iframe object embed base applet template math".split():
    bad(f"<{t}>", f"<{t}></{t}>")
bad("a part inside itself", "{{layout lay}}{{> part}}", {**PARTS, "part": "{{> part}}"})
words("words in both languages", "a.b = x\n", "# why\n\na.b = y\n", True)
words("words in one language only", "a.b = x\na.c = x\n", "a.b = y\n")
words("other holes in the other language", "a.b = {n}\n", "a.b = {m}\n")
words("words twice", "a.b = x\na.b = x\n", "a.b = y\n")
words("a key that is none", "ab = x\n", "ab = y\n")
words("a brace that is no hole", "a.b = {\n", "a.b = {\n")
words("a hole that is none", "a.b = {<}\n", "a.b = {<}\n")
r = subprocess.run([sys.executable, src + "/tools/tmplc", "--dir", src + "/web", "--depfile", here + "/d", here + "/out.c"])
tap(r.returncode == 0, "the program's own templates compile")
tap("web/templates" in open(here + "/d").read(), "and their places are named for the build")
print(f"1..{count}")
END
