#!/bin/bash
# Paper: what a PDF must be, looked at with somebody else's program; and what happens when it cannot be made.
# timeout: 120
. "$MAMORI_SRC/tests/tap.sh"
have() { command -v "$1" >/dev/null; }
have pdftotext || skip_all "pdftotext is not installed"
have jq || skip_all "jq is not installed"
ls /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc >/dev/null 2>&1 || skip_all "fonts-noto-cjk is not installed"

words='追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～'
doc() { # doc BLOCKS: a document of one section
	jq -nc --argjson b "$1" '{report:1,title:"確かめ",facility:"守り診療所",number:"T-1",version:"第1版",
	printed_at:"2026-11-25T21:00:00+09:00",sections:[{title:"はじめに",blocks:$b}]}'
}
render() { "$MAMORI" report render "$@"; }

doc "$(jq -nc --arg w "$words" '[{type:"para",text:$w},{type:"heading",text:"小見出し",level:2},
	{type:"checks",items:[{text:"済んだこと",checked:true}]},{type:"kv",rows:[{key:"名",value:$w}]}]')" >a.json
ok "a document becomes a PDF" render a.json --pdf a.pdf
info=$(LC_ALL=C pdfinfo a.pdf)
is "it is tagged" "$(sed -n 's/^Tagged: *//p' <<<"$info")" yes
is "A4" "$(grep -c '^Page size: .*(A4)' <<<"$info")" 1
is "one page" "$(sed -n 's/^Pages: *//p' <<<"$info")" 1
struct=$(pdfinfo -struct a.pdf)
for t in Document Sect H1 H2 P L Table TH TD; do
	ok "the structure has $t" grep -qw "$t" <<<"$struct"
done
pdftotext -layout a.pdf a.txt
ok "text comes out as it went in" grep -qF "$words" a.txt
is "in both places" "$(grep -cF "$words" a.txt)" 2
ok "the day in both countings" grep -q '印刷 令和8年11月25日（2026-11-25） 21:00' a.txt
ok "page n / N" grep -qE '1 ?/ ?1' a.txt
ok "number and version" grep -q 'T-1　第1版\|T-1 *第1版' a.txt
ok "the short digest of the model" grep -q "$(sha256sum a.json | cut -c1-12)" a.txt
fonts=$(pdffonts a.pdf | tail -n +3)
is "every font is embedded, cut, and can be read back" "$(grep -vc ' yes yes yes ' <<<"$fonts")" 0
ok "there are fonts" test -n "$fonts"
ok "two faces of a short text stay small" test "$(stat -c %s a.pdf)" -lt 150000
render - --pdf - <a.json >b.pdf
ok "the same model gives the same bytes, through pipes, too" cmp a.pdf b.pdf

# 60 pages
jq -nc '{report:1,title:"六十ページ",printed_at:"2026-11-25T21:00:00+09:00",sections:[{title:"目次",blocks:[{type:"toc"}]},
	(range(20)|{title:"部 \(.)",new_page:true,blocks:[{type:"table",columns:["番号",{title:"項目",width:5},"答え","状態"],
	rows:[range(55)|["\(.)-①","サーバ・端末・ネットワーク機器の台帳を作り、年に一度、現物と照らし合わせているか。変わったところは日付とともに残す。",
	{text:"はい",check:true},{mark:"green"}]]}]})]}' >long.json
TIMEFORMAT='%U %S'
times=$({ time render long.json --pdf long.pdf >/dev/null; } 2>&1)
pages=$(LC_ALL=C pdfinfo long.pdf | sed -n 's/^Pages: *//p')
ok "at least 60 pages ($pages)" test "$pages" -ge 60
# bench/console.sh measures it (0.9 s); this is for what has gone wrong by an order, also under a sanitizer
ok "without running away ($times s of processor time)" awk -v t="$times" 'BEGIN{split(t,a," ");exit a[1]+a[2]>12}'
ok "of at most 1.5 MB ($(stat -c %s long.pdf))" test "$(stat -c %s long.pdf)" -le 1500000
pdftotext -layout long.pdf long.txt
is "the header of a table is on every one of its pages" "$(grep -c '番号  *項目  *答え' long.txt)" "$((pages - 1))"
is "every row is there once" "$(grep -c -- '-①' long.txt)" 1100
first=$(pdftotext -layout -f 1 -l 1 long.pdf - | sed -n 's/^部 19[ .]*//p' | tr -d ' ')
is "the contents name the page" "$(pdftotext -f "$first" -l "$first" long.pdf - | grep -c '^部 19$')" 1
ok "nothing is smaller than 10.5 points" python3 - long.pdf <<'PY'
import re,subprocess,sys
xml=subprocess.run(["pdftotext","-bbox-layout",sys.argv[1],"-"],capture_output=True,text=True).stdout
lines=[float(m[2])-float(m[1]) for m in re.finditer(r'<line [^>]*yMin="([\d.]+)" [^>]*yMax="([\d.]+)"',xml)]
sys.exit(0 if len(lines)>1000 and min(lines)>=10.4 else 1)
PY

# wide pages, a row longer than a page, a character no font has
doc "$(jq -nc '[{type:"table",columns:["a","b"],rows:[["x",("長い文。"*900)],["y","z"]]},{type:"para",text:"ꙮ終"}]')" |
	jq -c '.sections[0].landscape=true' >wide.json
ok "a row longer than a page goes on" render wide.json --pdf wide.pdf
pdftotext wide.pdf - | tr -d '\n\f ' >wide.txt
is "without losing a sentence" "$(grep -o 長 wide.txt | wc -l)" 900
ok "wide" grep -q '841.89 x 595.276' <<<"$(LC_ALL=C pdfinfo wide.pdf)"

# the papers
jq -nc '{facility:{name:"髙橋医院",director:"𠮷野"},number:"MB-1",missing_due:"2027-01-31",
	checklists:[{title:"チェックリスト",sections:[{title:"2",items:[{ref:"2-①",text:"台帳を管理している",first:{answer:"yes",date:"2026-11-20"},
	mark:"green"},{ref:"2-②",text:"遠隔保守を確認した",first:{answer:"no",date:"2026-11-20"},target:"2027-02-28",mark:"red"},
	{ref:"2-③",text:"開示書を受け取った",first:{answer:"yes",date:"2026-11-20"},mark:"yellow",declared:true}]}]}]}' >data.json
build() { "$MAMORI" report build "$@"; }
ok "the inspection binder" build binder data.json --pdf binder.pdf
pdftotext -layout binder.pdf binder.txt
for w in 髙橋医院 '緑' 'いいえ' '2027/02/28' '申告のみ' '復元の訓練の証明' '2027/01/31'; do
	ok "the binder says $w" grep -q "$w" binder.txt
done
for k in first letter recovery morning; do
	ok "$k, with next to nothing known" build $k data.json --pdf $k.pdf
done
is "the morning sheet is one page" "$(LC_ALL=C pdfinfo morning.pdf | sed -n 's/^Pages: *//p')" 1
ok "the model itself" jq -e '.report==1 and (.sections|length)>5' <(build binder data.json --model -)
status "no such paper" 2 build novel data.json --pdf x.pdf

# what goes wrong
echo old >keep.pdf
doc '[{"type":"para","text":"a","colour":"red"}]' >bad.json
status "a wrong model is refused" 2 render bad.json --pdf keep.pdf
ok "and its place is named" grep -q 'sections\[0\].blocks\[0\]: unknown name "colour"' <(render bad.json --pdf keep.pdf 2>&1)
is "the older file stays" "$(cat keep.pdf)" old
is "nothing half is left" "$(ls keep.pdf.* 2>/dev/null)" ""
doc "$(jq -nc '[{type:"qr",data:("x"*1000)}]')" >qr.json
ok "the longest code fits" render qr.json --pdf qr.pdf
if [ -w /dev/full ]; then
	(render a.json --pdf - >/dev/full) 2>full.txt
	is "a full disk is said" $? 3
else
	skip "a full disk is said" "no /dev/full"
fi
status "no file" 3 render missing.json --pdf x.pdf
status "no target" 2 render a.json
status "nowhere" 3 render a.json --pdf no/such/place.pdf
status "two documents" 2 render a.json a.json --pdf x.pdf
ok "--json says where and how large" jq -e '.pdf=="j.pdf" and .bytes>1000' <("$MAMORI" --json report render a.json --pdf j.pdf)
done_testing
