#!/bin/bash
# The API as another program meets it: tokens, scopes, problems, cursors, tags, repetition.
# timeout: 120
. "$MAMORI_SRC/tests/tap.sh"
mamorid=$MAMORI_BUILD/daemon/mamorid/mamorid
[ -x "$mamorid" ] || skip_all "mamorid was not built"
for t in curl jq sqlite3; do command -v $t >/dev/null || skip_all "$t is missing"; done
export TZ=Asia/Tokyo MAMORI_STATE=$PWD/state LANG=C.UTF-8
unset MAMORI_LANG
pid=
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null' EXIT
mj() { "$MAMORI" --json "$@" 2>/dev/null; }

mj account add incho --role director >/dev/null
mj account add ukts --role staff >/dev/null
# as if both had used their invitations in a browser
sqlite3 state/records.db "UPDATE accounts SET state = 'active'; INSERT INTO places (id, repo, name_ja, name_en, at) VALUES ('p', '/nowhere', 'p', 'p', 1); INSERT INTO systems (id, name_ja, name_en, kind, paths, place, at) VALUES ('emr', '電子カルテ', 'charts', 'chart', '[\"/srv/x\"]', 'p', 1);"
status "a scope that is none" 2 "$MAMORI" token add incho --scope root:all
status "more than the account has" 2 "$MAMORI" token add ukts --scope register:read
all=$(mj token add incho --name 監視 --scope register:read --scope register:write --scope vault:read --scope vault:run --scope guide:read --scope measure:backup. | jq -r .token)
ok "a token" grep -qE '^mmr_[A-Za-z0-9_-]{43}$' <<<"$all"
few=$(mj token add incho --scope vault:read --days 1 | jq -r .token)
ok "no token is kept in the clear" bash -c '! grep -qaF -r -e "${1#mmr_}" state' - "$all"

"$mamorid" --state "$MAMORI_STATE" --program "$MAMORI" --listen 127.0.0.1:0 >ready 2>log &
pid=$!
for _ in $(seq 150); do [ -s ready ] && break; sleep 0.1; done
url=$(jq -r .url ready)
url=${url%/}/api/v1
# call TOKEN METHOD PATH [CURL...]: body in out, head in head; prints the status
call() {
	local t=$1 m=$2 p=$3
	shift 3
	curl -sk -X "$m" -H "Authorization: Bearer $t" -o out -D head -w '%{http_code}' "$@" "$url$p"
}
head_of() { sed -n "s/^$1: *\(.*\)\r\$/\1/Ip" head; }

is "no token" "$(curl -sk -o out -D head -w '%{http_code}' "$url")" 401
is "asks for one" "$(head_of WWW-Authenticate)" Bearer
is "as a problem" "$(head_of Content-Type)" application/problem+json
is "a wrong token" "$(call "${all%?}x" GET '')" 401
is "a session's cookie is no token" "$(curl -sk -b "__Host-mamori=${all#mmr_}" -o out -w '%{http_code}' "$url/systems")" 401
is "the description needs none" "$(curl -sk "$url/openapi.json" | jq -r .openapi)" 3.1.0
is "systems" "$(call "$few" GET /systems)" 200
is "with their names" "$(jq -r '.items[0].name.ja' out)" 電子カルテ
is "a scope it has not" "$(call "$few" GET /facts)" 403
is "says so in Japanese" "$(jq -r .status out; jq -r .title out | grep -c 権限)" "403
1"
is "nor may it write" "$(call "$few" POST /records/vendor -H 'Content-Type: application/json' -d '{"name":"x"}')" 403
is "nowhere" "$(call "$all" GET /nothing)" 404
is "another method" "$(call "$all" DELETE /systems)" 405

body='{"values":{"name":"修理㈱ 髙橋﨑𠮷野葛󠄀①ｶﾅ～追加"}}'
J=(-H 'Content-Type: application/json')
is "a record" "$(call "$all" POST /records/vendor "${J[@]}" -H 'Idempotency-Key: k-1' -d "$body")" 201
id=$(jq -r .id out) tag=$(head_of ETag)
is "its name as it was sent" "$(jq -r .values.name out)" "修理㈱ 髙橋﨑𠮷野葛󠄀①ｶﾅ～追加"
is "the same request again" "$(call "$all" POST /records/vendor "${J[@]}" -H 'Idempotency-Key: k-1' -d "$body")" 201
is "gives the same answer" "$(jq -r .id out) $(head_of Idempotency-Replayed)" "$id true"
is "another request with that key" "$(call "$all" POST /records/vendor "${J[@]}" -H 'Idempotency-Key: k-1' -d '{"name":"y"}')" 422
is "there is one record" "$(call "$all" GET /records/vendor; jq '.items | length' out)" "2001"
is "a change without a tag" "$(call "$all" PATCH "/records/vendor/$id" "${J[@]}" -d '{"phone":"03-1234-5678"}')" 428
is "with it" "$(call "$all" PATCH "/records/vendor/$id" "${J[@]}" -H "If-Match: $tag" -d '{"phone":"03-1234-5678"}')" 200
is "with an old one" "$(call "$all" PATCH "/records/vendor/$id" "${J[@]}" -H "If-Match: $tag" -d '{"phone":"03-9"}')" 412
is "shows what differs" "$(jq -r '.conflict.fields[0].field' out)" phone
is "values that are wrong" "$(call "$all" POST /records/vendor "${J[@]}" -d '{"colour":"red"}')" 422
ok "are named" test "$(jq '.problems | length' out)" -ge 1
is "no JSON" "$(call "$all" POST /records/vendor "${J[@]}" -d '{')" 400
is "a form is not taken for one" "$(call "$all" POST /records/vendor -d 'name=x')" 422
is "people are another right" "$(call "$all" GET /records/person)" 403

fact() { jq -cn --arg c "$1" --arg t "$2" '{check:$c,subject:{kind:"system",id:"emr"},outcome:"pass",observed:{"古さ":1},at:$t,source:{by:"measured",module:"x",version:"1",host:"nas"}}'; }
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
is "a measurement" "$(call "$all" POST /measurements "${J[@]}" -H 'Idempotency-Key: m1' -d "$(fact backup.nas.age "$now")")" 201
is "again" "$(call "$all" POST /measurements "${J[@]}" -H 'Idempotency-Key: m1' -d "$(fact backup.nas.age "$now")")" 201
is "one it may not report" "$(call "$all" POST /measurements "${J[@]}" -d "$(fact vault.scrub "$now")")" 403
is "one from tomorrow" "$(call "$all" POST /measurements "${J[@]}" -d "$(fact backup.nas.age 2100-01-01T00:00:00Z)")" 422
is "one with a key nobody knows" "$(call "$all" POST /measurements "${J[@]}" -d "$(fact backup.nas.age "$now" | jq -c '.x = 1')")" 422
is "is among the facts" "$(call "$all" GET '/facts?check=backup.'; jq -r '.items | length' out)" "2001"
is "with who reported it" "$(jq -r '.items[0].source.module[0:2]' out)" t-
for i in 1 2 3 4 5; do call "$all" POST /measurements "${J[@]}" -d "$(fact backup.nas.n$i "$now")" >/dev/null; done
n=0 next= pages=0
while :; do
	call "$all" GET "/facts?check=backup.&limit=2&cursor=$next" >/dev/null
	n=$((n + $(jq '.items | length' out))) pages=$((pages + 1))
	next=$(jq -r '.next // ""' out)
	[ -n "$next" ] && [ $pages -lt 20 ] || break
done
is "page by page" "$n $pages" "6 3"
is "a cursor of somebody's own" "$(call "$all" GET '/facts?cursor=AAAA')" 400
is "jobs" "$(call "$all" GET /jobs; jq -r '[.items[].id] | index("identity-check:mamori") != null' out)" 200true
is "one is run now" "$(call "$all" POST /jobs/identity-check:mamori/run)" 202
for _ in $(seq 100); do call "$all" GET /runs >/dev/null; [ "$(jq -r '.items[0].outcome' out)" = fail ] && break; sleep 0.2; done
is "and finds a director without a second factor" "$(jq -r '.items[0].job + " " + .items[0].outcome' out)" "identity-check:mamori fail"
is "no such job" "$(call "$all" POST /jobs/none/run)" 404
is "checklists" "$(call "$all" GET /guide/packs; jq '.items | length > 3' out)" 200true
is "with verdicts" "$(call "$all" GET "/guide/packs/$(jq -r '.items[0].id' out)"; jq '.items | length > 5' out)" 200true

kill -TERM $pid
wait $pid
pid=
ok "the access log names the token" test "$(grep -ao '"name":"監視"' state/access/log | wc -l)" -gt 5
tid=$(mj token list | jq -r '.tokens[] | select(.name == "監視") | .id')
status "revoked" 0 "$MAMORI" token revoke "$tid"
is "it is no longer listed" "$(mj token list | jq '.tokens | length')" 1
done_testing
