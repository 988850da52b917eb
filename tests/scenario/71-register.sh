#!/bin/bash
# Registers as a clerk meets them: by hand, through CSV in both encodings and through a spreadsheet.
# timeout: 120
: "${MAMORI_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${MAMORI:=$MAMORI_SRC/build/mamori}"
. "$MAMORI_SRC/tests/tap.sh"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
export MAMORI_STATE=$dir/state LANG=C.UTF-8 MAMORI_LANG=ja
reg() { "$MAMORI" register "$@"; }
regj() { "$MAMORI" --json register "$@" 2>/dev/null; }
torture='追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～'

# -- by hand -----------------------------------------------------------------------------------
status "no such register" 2 reg list nothing
status "a field that is none" 2 reg add person name=x category=employee frob=1
status "a word that is no pair" 2 reg add person name
status "a choice that is none" 2 reg add person name=x category=nobody
is "what is wrong, by field" "$(regj add person name=x joined_on=きのう | jq -r '[.problems[].field]|sort|join(" ")')" "category joined_on"
ok "a vendor" reg add vendor name='㈱メディ' phone=０３−１２３４−５６７８ remote=はい
ok "a person with hard characters" reg add person name="$torture" kana=ｶﾅ category=法令上の守秘義務のある者
is "the name comes back" "$(regj show person per-0001 | jq -r '.records[0].values.name')" "$torture"
is "full width became half" "$(regj show vendor ven-0001 | jq -r '.records[0].values.phone')" 03-1234-5678
ok "a system refers to the vendor by name" reg add system --id emr name=電子カルテ kind=chart connection=both vendor='㈱メディ'
is "kept by id" "$(regj show system emr | jq -r '.records[0].values.vendor')" ven-0001
is "and the vendor knows" "$(regj show vendor ven-0001 | jq -r '.records[0].referred_by[0].id')" emr
ok "a Japanese year" reg set person per-0001 joined_on=令和8年4月1日
is "is a day" "$(regj show person per-0001 | jq -r '.records[0].values.joined_on')" 2026-04-01
status "an old page is refused" 1 reg set person per-0001 --rev 1 post=係長
is "with the difference" "$(regj set person per-0001 --rev 1 joined_on=2026-05-01 | jq -r '.conflict.fields[0]|.theirs+" "+.mine')" "2026-04-01 2026-05-01"
is "how it was" "$(regj show person per-0001 --at 1 | jq -r '.records[0].values.joined_on // "none"')" none
is "two revisions" "$(regj history person per-0001 | jq '.history|length')" 2
echo contract >契約.txt
ok "a file" reg attach vendor ven-0001 契約.txt --day 2026/4/1
is "its digest" "$(regj show vendor ven-0001 | jq -r '.records[0].files[0].sha256')" "$(sha256sum <契約.txt | cut -d' ' -f1)"
ok "archived" reg archive vendor ven-0001 --why 取引終了
is "out of the list" "$(regj list vendor | jq .total)" 0
ok "and back" reg archive vendor ven-0001 --restore
is "found by another kana" "$(regj list person --text かな | jq .total)" 1
is "counts" "$(regj list | jq -r '.kinds[]|select(.kind=="person").live')" 1

# -- CSV ---------------------------------------------------------------------------------------
for n in '=1+1' '+81-3' '-5' '@x' "'=1" '"q", comma' "'x"; do reg add device name="$n" kind=pc >/dev/null || echo bad; done
ok "export" reg export device dev.csv
is "no cell begins like a formula" "$(grep -cE '(^|,)"?[=+@-]' dev.csv)" 0
is "with a byte order mark" "$(head -c3 dev.csv | od -An -tx1 | tr -d ' ')" efbbbf
is "unchanged when it comes back" "$(regj import device dev.csv | jq -r '"\(.rows) \(.unchanged) \(.updated)"')" "7 7 0"
status "CP932 has no 𠮷" 1 reg export person p.csv --encoding cp932
ok "they are named" bash -c '"$1" register export person p.csv --encoding cp932 2>&1 | grep -q "𠮷 (U+20BB7"' _ "$MAMORI"
no "and nothing was written" test -e p.csv
ok "what fits" reg add person name='髙橋 﨑 ① ㈱ ｶﾅ ～' category=employee
ok "is written" reg export person p932.csv --encoding cp932 --text ㈱ --filter category=employee
is "in CP932" "$(iconv -f CP932 -t UTF-8 p932.csv | grep -c '髙橋 﨑 ① ㈱ ｶﾅ ～')" 1
is "and found out" "$(regj import person p932.csv | jq -r '"\(.encoding) \(.unchanged)"')" "cp932 1"
printf '守り台帳,,\r\n氏名*,フリガナ,区分,社員番号\r\n山田,ﾔﾏﾀﾞ,事務,9\r\n' >other.csv
is "a choice that is none names row and column" "$(regj import person other.csv | jq -r '.problems[0]|"\(.row) \(.column) \(.value)"')" "3 3 事務"
sed -i 's/事務/雇用契約下の事務/' other.csv
is "other headings are recognised" "$(regj import person other.csv --dry-run | jq -r '[.columns[].field]|join(" ")')" "name kana category "
is "five rows to look at" "$(regj import person other.csv --dry-run | jq -r '.preview[0].action')" add
is "a trial changes nothing" "$(regj list person --text 山田 | jq .total)" 0
is "a column of one's own" "$(regj import person other.csv --map 社員番号=birth_or_no | jq .added)" 1
is "twice is once" "$(regj import person other.csv | jq -r '"\(.added) \(.unchanged)"')" "0 1"
sed -i 's/雇用契約下の事務/保守事業者/' other.csv
is "the same again, but different, may be passed over" "$(regj import person other.csv --conflict skip | jq -r '"\(.done) \(.skipped)"')" "true 1"
printf '氏名,区分,メモ\r\n山田,雇用契約下の事務,新しい\r\n' >same.csv
is "looks like one that is there" "$(regj import person same.csv | jq -r '"\(.done) \(.conflicts[0].why)"')" "false same"
is "the row may win" "$(regj import person same.csv --conflict update | jq -r .updated)" 1
printf 'a,b\n\x85\x40,c\n' >broken.csv
status "bytes that are no text" 1 reg import person broken.csv
ok "are named by place" bash -c '"$1" register import person broken.csv 2>&1 | grep -q "row 2, column 1"' _ "$MAMORI"

# -- two people at once ------------------------------------------------------------------------
id=$(regj list person --text 山田 | jq -r '.records[0].id')
ok "exported" reg export person mine.csv
ok "then changed by somebody else" reg set person "$id" post=主任
sed -i "/^$id@/s/新しい/私の/" mine.csv
is "another field: both are kept" "$(regj import person mine.csv | jq -r '"\(.updated) \(.merged)"')" "1 1"
is "theirs" "$(regj show person "$id" | jq -r '.records[0].values|.post+" "+.note')" "主任 私の"
sed -i "/^$id@/s/私の/もう一度/" mine.csv
is "the same field is a conflict" "$(regj import person mine.csv | jq -r '.conflicts[0].why')" changed

# -- a spreadsheet -----------------------------------------------------------------------------
ok "written" reg export person p.xlsx
is "read back without a change" "$(regj import person p.xlsx | jq -r '"\(.rows) \(.unchanged)"')" "3 3"
head -c 2000 p.xlsx >torn.xlsx
status "a torn one" 1 reg import person torn.xlsx
ok "into an empty state" env MAMORI_STATE="$dir/other" "$MAMORI" register import person p.xlsx
is "with the same ids and names" "$(MAMORI_STATE=$dir/other regj show person per-0001 | jq -r '.records[0].values.name')" "$torture"
printf '名前,種類,電話,この人から連絡する,順番\n院長,職員,09012345678,,1\n事務長,職員,9012345678,院長,2\n' >tree.csv
is "a tree in any order, a lost zero is noticed" "$(regj import contact tree.csv | jq -r '"\(.added) \(.warnings[0].code)"')" "2 zero"
is "the branch" "$(regj list contact --sort order | jq -r '.records[1].values.parent')" cnt-0001

printf '名前,種類\n受付の端末,パソコン\n' >plain.csv
is "a plain heading is understood everywhere" "$(regj import device plain.csv | jq .added)" 1

# -- a ledger with the clinic's own columns ------------------------------------------------------
printf '令和6年度 機器一覧,,,\r\n機器名,設置場所,製造番号,購入日,メーカー,製造元,①㈱ｶﾅ\r\n%s,２階 髙橋,SN-778,令和6年4月1日,㈱A,B,=1+1\r\n' '﨑 ① ㈱ ｶﾅ ～' |
	iconv -t CP932 >own.csv
own() { regj import device own.csv "$@"; }
is "guesses are marked" "$(own --dry-run | jq -r '[.columns[].how]|join(" ")')" "alias alias exact alias exact twice none"
is "a required field without a column is named once" "$(own --dry-run | jq -r '"\(.done) \(.nproblems) \(.missing[0].field) \(.missing[0].rows)"')" "false 1 kind 1"
own --dry-run --fill kind=pc --map '#7=note' --map 製造元= >trial.json
is "chosen by number, left out, filled" "$(jq -r '"\(.done) \(.added) \(.row) \([.columns[5,6].how]|join(" "))"' trial.json)" "true 1 2 chosen chosen"
is "what the trial showed is taken in" "$(own --columns trial.json --remember | jq .added)" 1
id=$(regj list device --text SN-778 | jq -r '.records[0].id')
is "exactly" "$(regj show device "$id" | jq -r '.records[0].values|.name+"|"+.place+"|"+.acquired_on+"|"+.note+"|"+.kind')" '﨑 ① ㈱ ｶﾅ ～|２階 髙橋|2024-04-01|=1+1|pc'
is "the next time nothing is asked" "$(own | jq -r '"\(.unchanged) \([.columns[].how]|unique|join(" "))"')" "1 exact kept"
iconv -f CP932 -t UTF-8 own.csv | sed 's/^﨑/別名/' >renamed.csv
is "the same number under another name is the same thing" "$(regj import device renamed.csv | jq -r '.conflicts[0]|"\(.id) \(.why) \(.by)"')" "$id same serial"
is "and the row may win" "$(regj import device renamed.csv --conflict update | jq .updated)" 1
sed -i 's/メーカー,製造元/製造元,メーカー/' renamed.csv
is "columns that changed since the trial" "$(regj import device renamed.csv --columns trial.json | jq -r '"\(.changed) \(.done) \(.rows)"')" "true false 0"
status "a heading that is none" 1 reg import device renamed.csv --map 無い=note
status "a field twice" 1 reg import device renamed.csv --map 機器名=note --map 設置場所=note
is "what is remembered" "$(regj columns device --forget | jq -r '"\(.forgotten) \([.columns[]|select(.field=="")|.label]|join(" "))"')" "5 製造元"
is "is forgotten" "$(regj columns device | jq '.columns|length')" 0

# -- facts -------------------------------------------------------------------------------------
status "the registers are not in order yet" 1 reg check
is "a system's connection was declared" "$("$MAMORI" --json fact list --newest --check register.system.connection 2>/dev/null |
	jq -r '.facts[0]|"\(.subject.id) \(.outcome) \(.source.by)"')" "emr pass declared"
done_testing
