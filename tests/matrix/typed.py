"""What was typed survives a refusal that is not about the form: a factor that is asked for again, a session that ran out.
Only for the same person, once, and never with a password."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ['MAMORI_SRC'], 'tests'))
from web import PASSWORD, TORTURE, Console, Web, done, is_, ok, totp  # noqa: E402

MINUTES = f'議事 {TORTURE}\n二行目'
console = Console('state')
w = Web(console, 9)
w.director()
today = console.sql("SELECT date('now', '+9 hours')")[0][0]


def on(page):
    return {'Referer': f'https://127.0.0.1:{console.port}{page}'}


def review(page='/guide/reviews', **more):
    return w.post('/guide/reviews', on(page), **{'held': today, 'chair': '議長', 'present': '皆', 'minutes': MINUTES, **more})


def stale():
    console.sql('UPDATE sessions SET fresh_at = 1')


# a factor is asked for in the middle
stale()
w.get('/guide/reviews')
a = review()
is_((a.status, a.head('location')), (303, '/signin/again?to=%2Fguide%2Freviews'), 'minutes need a fresh factor')
w.get(a.head('location'))
a = w.post('/signin/again', code=totp(w.secret, 1), to='/guide/reviews')
is_((a.status, a.head('location')), (303, '/guide/reviews'), 'it is shown')
a = w.get('/guide/reviews')
ok(MINUTES in a.text and 'value="議長"' in a.text and 'value="皆"' in a.text, 'the minutes are in the page again', a.text[-3000:])
ok('二行目' not in w.get('/guide/reviews').text, 'once')
a = review()
is_(a.status, 303, 'and can be sent')
is_(console.sql('SELECT minutes FROM guide_reviews'), [(MINUTES,)], 'exactly, once')

# from the page that was itself the answer to a form
is_(review(minutes='').status, 422, 'a refused form')
stale()
a = review('/guide/findings/1/plan')
is_(a.head('location'), '/signin/again?to=%2Fguide%2Ffindings%2F1', 'leads back to a page, not to the address of a form')

# a session that ran out
console.sql('UPDATE sessions SET seen = seen - 12 * 3600 * 1000000')
a = w.post('/guide/findings', on('/guide/findings'), title=f'指摘 {TORTURE}', detail='くわしく')
is_(a.status, 401, 'nobody is signed in any more')
ok('/signin?to=%2Fguide%2Ffindings' in a.text, 'the way to sign in leads back', a.text[-1500:])
is_(console.sql('SELECT count(*) FROM guide_findings'), [(0,)], 'nothing was written')
good, w.csrf = w.csrf, '0' * 64
ok('/signin?to' not in w.post('/guide/findings', on('/guide/findings'), title='偽').text, 'a form of somebody else is not kept')
w.csrf = good
w.get('/signin?to=/guide/findings')
a = w.post('/signin', login='director', password=PASSWORD, to='/guide/findings')
is_(a.status, 303, 'the password')
w.get(a.head('location'))
console.sql('UPDATE accounts SET totp_last = 0')  # this half minute's code was used above
a = w.post('/signin/second', code=totp(w.secret), to='/guide/findings')
is_((a.status, a.head('location')), (303, '/guide/findings'), 'and the second factor')
a = w.get('/guide/findings')
ok(f'value="指摘 {TORTURE}"' in a.text and 'くわしく' in a.text and '偽' not in a.text, 'what was typed is there', a.text[-2500:])
console.stop()
done()
