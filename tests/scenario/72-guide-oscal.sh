#!/bin/bash
# What other programs read: each checklist exported as OSCAL assessment results holds to the rules of that format's schema
# (version 1.1.2): the keys that must be there, no others, and the form of each value.
# heavy
# timeout: 600
. "$MAMORI_SRC/tests/tap.sh"
for t in python3 jq; do command -v $t >/dev/null || skip_all "$t is missing"; done
export MAMORI_STATE=$PWD/state LANG=C.UTF-8 TZ=Asia/Tokyo
unset MAMORI_LANG
cat >check.py <<'P'
import json, re, sys
# object: (keys that must be there, keys that may be there)
SHAPE = {
    'assessment-results': ('uuid metadata import-ap results', 'local-definitions back-matter'),
    'metadata': ('title last-modified version oscal-version',
                 'published revisions document-ids props links roles locations parties responsible-parties actions remarks'),
    'import-ap': ('href', 'remarks'),
    'results': ('uuid title description start reviewed-controls',
                'end props links local-definitions attestations assessment-log observations risks findings remarks'),
    'reviewed-controls': ('control-selections', 'description props links control-objective-selections remarks'),
    'control-selections': ('', 'description props links include-all include-controls exclude-controls remarks'),
    'include-controls': ('control-id', 'statement-ids'), 'include-all': ('', ''),
    'observations': ('uuid description methods collected', 'title props links types origins subjects relevant-evidence expires remarks'),
    'relevant-evidence': ('description', 'href props links remarks'),
    'subjects': ('subject-uuid type', 'title props links remarks'),
    'origins': ('actors', 'related-tasks'), 'actors': ('type actor-uuid', 'role-id props links'),
    'findings': ('uuid title description target',
                 'props links origins implementation-statement-uuid related-observations related-risks remarks'),
    'target': ('type target-id status', 'title description props links implementation-status remarks'),
    'status': ('state', 'reason remarks'), 'related-observations': ('observation-uuid', ''),
    'props': ('name value', 'uuid ns class group remarks'), 'links': ('href', 'rel media-type resource-fragment text'),
    'parties': ('uuid type', 'name short-name external-ids props links email-addresses telephone-numbers addresses location-uuids '
                'member-of-organizations remarks'),
    'roles': ('id title', 'short-name description props links remarks'),
    'responsible-parties': ('role-id party-uuids', 'props links remarks'),
    'back-matter': ('', 'resources'), 'resources': ('uuid', 'title description props document-ids citation rlinks base64 remarks'),
    'local-definitions': ('', 'objectives-and-methods activities remarks components inventory-items users assessment-assets tasks'),
    'components': ('uuid type title description status', 'purpose props links responsible-roles protocols remarks'),
}
UUID = r'[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[45][0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}'
TIME = r'\d{4}-(0[1-9]|1[0-2])-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)'
TOKEN = r'[^\W\d][\w.-]*'
FORM = {'uuid': UUID, 'observation-uuid': UUID, 'subject-uuid': UUID, 'actor-uuid': UUID, 'last-modified': TIME, 'start': TIME, 'end': TIME,
        'collected': TIME, 'expires': TIME, 'published': TIME, 'name': None, 'control-id': TOKEN, 'target-id': TOKEN, 'ns': r'[a-zA-Z][a-zA-Z0-9+.-]+:.*',
        'oscal-version': r'1\.1\.\d', 'state': 'satisfied|not-satisfied|operational|under-development|disposition|other'}
bad, ids, known = [], [], set()
def walk(kind, o, at):
    if isinstance(o, list):
        if not o:
            bad.append(f'{at}: an empty list')
        for i, x in enumerate(o):
            walk(kind, x, f'{at}[{i}]')
    elif isinstance(o, dict):
        if kind not in SHAPE:
            bad.append(f'{at}: an object that the format does not know')
            return
        need, may = (set(x.split()) for x in SHAPE[kind])
        bad.extend(f'{at}: no {k}' for k in need - set(o))
        bad.extend(f'{at}: {k} is not of the format' for k in set(o) - need - may)
        if kind == 'target' and o.get('type') not in ('statement-id', 'objective-id'):
            bad.append(f'{at}: a target that is a {o.get("type")}')
        if kind == 'props' and not re.fullmatch(TOKEN, o.get('name', '')):
            bad.append(f'{at}: name {o.get("name")!r}')
        if kind == 'control-selections' and ('include-all' in o) == ('include-controls' in o):
            bad.append(f'{at}: all controls, or some')
        if 'uuid' in o:
            ids.append(o['uuid'])
        for k, v in o.items():
            walk(k, v, f'{at}/{k}')
    elif isinstance(o, str):
        if o != o.strip() or not o:
            bad.append(f'{at}: {o!r}')
        if FORM.get(kind) and not re.fullmatch(FORM[kind], o):
            bad.append(f'{at}: {o!r}')
        if kind == 'methods' and o not in ('EXAMINE', 'INTERVIEW', 'TEST', 'UNKNOWN'):
            bad.append(f'{at}: {o!r}')
        if kind == 'observation-uuid':
            known.add(o)
    elif not isinstance(o, bool):
        bad.append(f'{at}: {o!r} is no text')
d = json.load(open(sys.argv[1]))
if list(d) != ['assessment-results']:
    bad.append('the document has one object')
walk('assessment-results', d.get('assessment-results'), '')
if len(ids) != len(set(ids)):
    bad.append('an id stands twice')
if not known <= set(ids):
    bad.append('a finding points at an observation that is not there')
print(len(d['assessment-results']['results'][0].get('findings', [])), len(known))
print('\n'.join(bad[:20]), file=sys.stderr)
sys.exit(1 if bad else 0)
P
"$MAMORI" account add incho --role director --name '追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～' >/dev/null 2>&1
"$MAMORI" identity check >/dev/null 2>&1 # facts to point at
findings=0
for f in "$MAMORI_SRC"/packs/editions/*.json; do
	p=$(basename "$f" .json)
	"$MAMORI" guide export --oscal "$p.json" --pack "$p" >/dev/null 2>err
	tap_result $? "$p is exported" "$(cat err)"
	n=$(python3 check.py "$p.json" 2>err)
	tap_result $? "$p holds to the schema" "$(cat err)"
	findings=$((findings + ${n%% *}))
done
ok "with $findings findings in all" test $findings -gt 100
# the check itself can fail
jq '."assessment-results".results[0].findings[0] |= del(.target)' "$p.json" >worse.json
no "a finding without a target is found" python3 check.py worse.json
jq '."assessment-results".extra = 1' "$p.json" >worse.json
no "so is a key that is not of the format" python3 check.py worse.json
done_testing
