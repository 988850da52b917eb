#!/bin/bash
# The checklist from the command line: verdicts, the next action, an inspection, findings, a vendor, packs from outside.
# timeout: 400
: "${MAMORI_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${MAMORI:=$MAMORI_SRC/build/mamori}"
. "$MAMORI_SRC/tests/tap.sh"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset MAMORI_LANG
export MAMORI_STATE=$dir/state LANG=C.UTF-8 TZ=Asia/Tokyo
g() { "$MAMORI" guide "$@"; }
gj() { "$MAMORI" --json guide "$@" 2>/dev/null; }
json() { python3 -c 'import json,sys
o=json.loads(sys.stdin.read())
print(eval(sys.argv[1],{"o":o,"len":len,"sum":sum,"sorted":sorted}))' "$1"; }
item() { gj status --pack "$1" --item "$2" | json 'o["verdict"]'; }
practice() { gj status --practice "$1" | json 'o["verdict"]'; }
day() { date -d "$1" +%F; }
# both rounds have to lie inside this fiscal year (April to March)
end=$(date +%Y); [ "$(date +%-m)" -lt 4 ] || end=$((end + 1)); end=$end-03-31
today=$(day today)
text='追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～'

# -- nothing known ---------------------------------------------------------------------------------
status "wrong usage" 2 g frobnicate
status "an item needs its pack" 2 g status --item x
status "list" 0 g list
is "every pack is there" "$(gj list | json 'len(o["packs"]) >= 17')" True
is "nothing is green at the start" "$(gj list | json 'sum(p["counts"]["green"] for p in o["packs"])')" 0
is "nothing is red either: nobody has looked" "$(gj list | json 'sum(p["counts"]["red"] for p in o["packs"])')" 0
is "122 items of edition 5.2" "$(gj status --pack gl-5.2 | json 'len(o["items"])')" 122
is "each with verdict, reason and basis" "$(gj status --pack gl-5.2 | json 'sorted(set(k for i in o["items"] for k in ("id","verdict","reason","basis") if k in i))')" "['basis', 'id', 'reason', 'verdict']"
status "no such pack" 3 g status --pack no-such
is "one next action, and two more" "$(gj next | json 'o["next"]["id"] != "" and len(o["more"]) == 2')" True
is "with why, how, minutes, who" "$(gj next | json 'o["next"]["why"]["ja"] != "" and 1 <= len(o["next"]["steps"]) <= 3 and o["next"]["minutes"] > 0 and o["next"]["who"]["ja"] != ""')" True

# -- said, shown, measured -------------------------------------------------------------------------
is "grey" "$(practice usb)" grey
ok "I do not know" g answer usb unknown
is "is an answer, and grey" "$(practice usb)" grey
ok "yes" g answer usb yes --note "$text"
is "a bare word is yellow where a paper can show it" "$(practice usb)" yellow
echo "a photograph of the setting" >"$dir/photo.jpg"
ok "evidence" g evidence add practice usb "$dir/photo.jpg" --title "$text" --expires "$(day '+1 year')"
is "its title comes back" "$(gj evidence list practice usb | json 'o["evidence"][0]["title"]')" "$text"
ok "yes, with it" g answer usb yes
is "green" "$(practice usb)" green
is "and it says that nothing was measured" "$(gj status --practice usb | json 'o["declared_only"]')" True
ok "a word where it can be measured" g answer restore-drill yes
is "stays yellow" "$(practice restore-drill)" yellow
ok "no" g answer policy no
is "red" "$(practice policy)" red
status "status says no" 1 g status --practice policy
status "people cannot measure" 2 g answer usb yes --by measured
status "no such practice" 3 g answer no-such yes
ok "the seal" "$MAMORI" verify --no-fact
"$MAMORI" fact add --check vault.restore.drill --subject system:emr --outcome fail >/dev/null 2>&1
is "a failed drill outweighs the yes" "$(practice restore-drill)" red
is "and comes first" "$(gj next | json 'o["next"]["id"]')" restore-drill
ok "later, with a reason" g later restore-drill --until "$(day '+7 days')" --why "$text"
is "then something else" "$(gj next | json 'o["next"]["id"] != "restore-drill"')" True
status "later without a reason" 2 g later usb --until "$(day '+7 days')"

# -- an inspection ---------------------------------------------------------------------------------
status "a round next year" 2 g inspect open check-r8 --round1 "$today" --round2 2099-01-01
ok "begin under last year's form" g inspect open check-r7 --round1 "$today" --round2 "$end"
status "one at a time" 3 g inspect open check-r8 --round1 "$today" --round2 "$end"
status "no needs a day" 2 g inspect answer 1 R7-H-2-9 no
ok "no" g inspect answer 1 R7-H-2-9 no --target "$end" --note "$text"
is "red" "$(item check-r7 R7-H-2-9)" red
status "not complete" 2 g inspect sign 1 --name 院長
for i in 0 1-1 2-1 2-2 2-3 2-4 2-5 2-6 2-7 2-8 2-10 2-11 2-12 2-13 3-1 3-2 3-3 4-1; do g inspect answer 1 "R7-H-$i" yes >/dev/null 2>&1; done
ok "signed" g inspect sign 1 --name "院長 $text"
is "as a sealed fact" "$("$MAMORI" --json fact list --check guide.inspection.signed 2>/dev/null | json 'o["facts"][0]["observed"]["no"], len(o["facts"][0]["evidence"])')" "(1, 1)"
ok "the evidence is what was kept" "$MAMORI" verify --no-fact
is "so the practice is green" "$(practice self-inspection)" green
ok "second round" g inspect round 1
ok "now yes" g inspect answer 1 R7-H-2-9 yes
ok "signed again" g inspect sign 1 --name 院長
is "the first round stays" "$(gj inspect show 1 | json '[o["answers"]["R7-H-2-9"]["rounds"][r]["value"] for r in "12"]')" "['no', 'yes']"
ok "on to the newer form" g inspect upgrade 1 check-r8
is "what continues has to be confirmed" "$(gj inspect show 2 | json 'sum(a["carried"] for a in o["answers"].values())')" 19
ok "one is worse" g inspect answer 2 R8-H-2-6 unknown
is "and found" "$(gj inspect diff 2 | json '[(c["item"],c["kind"]) for c in o["changes"]]')" "[('R8-H-2-6', 'worse')]"
is "the old answers stay under the old form" "$(gj inspect show 1 | json 'len(o["answers"])')" 19

# -- findings and reviews --------------------------------------------------------------------------
ok "no" g inspect answer 2 R8-H-2-8 no --target "$end"
is "red" "$(item check-r8 R8-H-2-8)" red
ok "a finding" g finding add "初期値のまま $text" --pack check-r8 --item R8-H-2-8
ok "a plan" g finding plan 1 --do "変える" --by "$end"
is "a plan alone does not help" "$(item check-r8 R8-H-2-8)" red
ok "approved" g finding approve 1 --name 院長
is "yellow until then" "$(item check-r8 R8-H-2-8)" yellow
status "nothing overdue" 0 g check
is "sealed" "$("$MAMORI" --json fact list --check guide.plan.overdue --newest 2>/dev/null | json 'o["facts"][0]["outcome"]')" pass
echo '[{"finding":1,"decision":"done","note":"変えた"}]' >"$dir/decisions.json"
ok "a review" g review add --chair 院長 --minutes "$text" --decisions "$dir/decisions.json"
is "ends it" "$(gj finding list --all | json 'o["findings"][0]["state"]')" done
is "and counts" "$("$MAMORI" --json fact list --check guide.review.held 2>/dev/null | json 'len(o["facts"])')" 1

# -- a vendor --------------------------------------------------------------------------------------
ok "a letter" g request add "㈱ABC" --practice patches --form check-r8-vendor --due "$(day '+14 days')" --facility "$text"
is "with what is asked" "$(gj request list | json '"お願い" in o["requests"][0]["body"] and "㈱ABC 御中" in o["requests"][0]["body"]')" True
is "the link is kept as a digest only" "$(t=$(gj request link 1 | json 'o["path"]'); [ ${#t} = 43 ] && ! grep -q -- "$t" "$MAMORI_STATE"/records.db* && echo kept)" kept
ok "sent" g request sent 1
echo '{"R8-V-2-6":{"value":"no","note":"来月"},"R8-V-2-10":{"value":"yes"}}' >"$dir/answer.json"
ok "the answer" g request answer 1 --name 山田 --file "$dir/answer.json"
is "said by the vendor" "$("$MAMORI" --json fact list --check practice.patches 2>/dev/null | json 'o["facts"][-1]["source"]["by"], o["facts"][-1]["outcome"]')" "('vendor', 'fail')"
is "and red" "$(practice patches)" red
status "once" 2 g request answer 1 --name 山田 --file "$dir/answer.json"

# -- packs from outside ----------------------------------------------------------------------------
python3 - "$MAMORI_SRC/packs/editions/check-r8.json" "$dir/check-r8.json" <<'END'
import json, sys
o = json.load(open(sys.argv[1]))
o['version'] = 2
o['items'][1]['ja'] = '公式の文言'
json.dump(o, open(sys.argv[2], 'w'), ensure_ascii=False)
END
if command -v openssl >/dev/null && openssl genpkey -algorithm ed25519 -out "$dir/key.pem" 2>/dev/null; then
	"$MAMORI_SRC/tools/sign-packs" "$dir/key.pem" "$dir/signed" "$dir/check-r8.json" 2>/dev/null
	status "signed by somebody else" 3 g import "$dir/signed"
	is "nothing was taken" "$(gj list | json '[p["version"] for p in o["packs"] if p["id"]=="check-r8"]')" "[1]"
else
	skip "a foreign signature" "no openssl with Ed25519"
fi
ok "a file of one's own" g import "$dir/check-r8.json"
is "is marked so" "$(gj list | json '[(p["version"],p["trust"]) for p in o["packs"] if p["id"]=="check-r8"]')" "[(2, 'operator')]"
is "and used" "$(gj status --pack check-r8 --item R8-H-1-1 | json 'o["ja"]')" "公式の文言"
is "answers stay under the form they were given on" "$(gj inspect show 2 | json 'o["inspection"]["pack_sum"] != "" and len(o["answers"])')" 19
status "not a pack" 2 g import "$dir/answer.json"

# -- official wording, papers, the survey ----------------------------------------------------------
printf '項目,文言\r\nR8-H-1-1,公式の文 %s\r\n' "$text" >"$dir/wording.csv"
ok "official wording" g wording import check-r8 "$dir/wording.csv"
is "is shown" "$(gj status --pack check-r8 --item R8-H-1-1 | json 'o["wording"]')" "公式の文 $text"
echo 'R9-H-1-1,x' >>"$dir/wording.csv"
status "of an item that is not there" 3 g wording import check-r8 "$dir/wording.csv"
ok "the data of the binder" g binder --data "$dir/binder.json"
is "holds what is missing as a plan" "$(json 'len(o["plan"]) > 0 and len(o["checklists"][0]["sections"]) > 0 and o["missing_due"][-5:]' <"$dir/binder.json")" 03-31
if command -v pdftotext >/dev/null && g binder --pdf "$dir/binder.pdf" >/dev/null 2>&1; then
	pdftotext "$dir/binder.pdf" "$dir/binder.txt"
	ok "the binder on paper" grep -q 立入検査の資料 "$dir/binder.txt"
	ok "the letter on paper" g letter 1 --pdf "$dir/letter.pdf"
	ok "the morning sheet on paper" g morning --pdf "$dir/morning.pdf"
else
	skip "papers" "no pdftotext, no renderer or no Japanese font"
fi
is "the survey adds up" "$(gj compare | json '[sum(r["n"] for r in t["rows"]) == t["n"] for t in o["tables"]]')" "[True, True, True]"
is "and never ranks" "$(gj compare | json 'sum(r["own"] for t in o["tables"] for r in t["rows"])')" 0

# -- what this place does not have -----------------------------------------------------------------
is "Wi-Fi is asked for" "$(item gl-5.2 6.5-C-15.1)" grey
ok "no Wi-Fi here" g profile --none wifi
is "then not" "$(item gl-5.2 6.5-C-15.1)" na
status "a word that is none" 2 g profile --none nonsense

# -- kill -9 while answering -----------------------------------------------------------------------
for i in $(seq 12); do
	"$MAMORI" --json guide answer locks yes --note "$i" >>"$dir/acked" 2>/dev/null &
	pid=$!
	sleep "0.0$((i % 10))"
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
done
acked=$(grep -c '"ok"' "$dir/acked")
there=$("$MAMORI" --json fact list --check practice.locks 2>/dev/null | json 'o["count"]')
ok "$acked acknowledged, $there there" test "$there" -ge "$acked"
ok "the record holds" "$MAMORI" verify --no-fact
done_testing
