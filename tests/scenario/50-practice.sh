#!/bin/bash
# heavy
# The practice hospital as a user sees it: sizes, days, refusals, and whether programs that are not
# ours can read what is in it.
# timeout: 280
. "$MAMORI_SRC/tests/tap.sh"

make_it() { "$MAMORI" practice --size 16M --seed 11 "$@"; }
digest() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum); }
times() { (cd "$1" && find . -type f ! -name practice.json -printf '%p %T@ %s\n' | sort | sha256sum); }
count() { find "$1" -type f | wc -l; }

ok "day 0" make_it --to a
json=$(make_it --to a --day 3 --json)
case $json in
'{'*'"day":3'*'"beds":120'*'}') ok "one JSON object with day and beds" true ;;
*) ok "one JSON object with day and beds: $json" false ;;
esac
for d in 0 1 2 3; do
	make_it --to b --day $d >/dev/null || ok "day $d" false
done
is "day by day gives the same bytes" "$(digest a)" "$(digest b)"
is "and the same times" "$(times a)" "$(times b)"
ok "day 3 at once" make_it --to c --day 3
is "at once gives the same bytes" "$(digest a)" "$(digest c)"
rm -rf b c
before=$(digest a)
status "no way back" 2 make_it --to a --day 1
status "another size" 2 "$MAMORI" practice --to a --size 20M
status "another seed" 2 "$MAMORI" practice --to a --seed 12
mkdir other && echo mine >other/file
status "a folder of somebody else" 3 "$MAMORI" practice --to other
is "whose file stays alone" "$(ls -A other)" file
status "a strange argument" 2 "$MAMORI" practice --to a elsewhere
status "a strange option" 2 "$MAMORI" practice --frob
status "a strange size" 2 "$MAMORI" practice --to x --size much
ok "nothing to do" "$MAMORI" practice --to a
is "refusals changed nothing" "$(digest a)" "$before"
ok "the state directory is the usual place" "$MAMORI" --state "$PWD/st" practice --size 16M
ok "and holds the hospital" test -f st/practice/practice.json
rm -rf st

# --- SS-MIX2: every path says what the message says ---
bad=0 n=0
while IFS= read -r f; do
	n=$((n + 1))
	name=${f##*/}
	IFS=_ read -r id day kind no at dept flag <<<"$name"
	[ "$f" = "a/ssmix2/${id:0:3}/${id:3:3}/$id/$day/$kind/${id}_${day}_${kind}_${no}_${at}_${dept}_$flag" ] &&
		[[ $at =~ ^[0-9]{17}$ && $no =~ ^[0-9]{15}$ && $flag =~ ^[012]$ ]] || { bad=$((bad + 1)); echo "# $f"; }
done < <(find a/ssmix2 -type f)
is "all $n paths have the shape of the standard" $bad 0

# One pass over all messages: "file<TAB>MSH-9<TAB>PID-3".
find a/ssmix2 -type f -print0 | xargs -0 -n 500 awk -v RS='\r' -F'|' '
	/^MSH/ { type = $9 } /^PID/ { split($4, p, "^"); print FILENAME "\t" type "\t" p[1] }' >index
is "one PID in each message" "$(wc -l <index)" "$n"
is "PID-3 is the patient of the path" "$(awk -F'\t' '{ k = split($1, p, "/"); split(p[k], q, "_"); if (q[1] != $3) print }' index | wc -l)" 0
wrong=$(awk -F'\t' '
BEGIN { split("ADT-00 ADT^A08 ADT-12 ADT^A04 ADT-21 ADT^A14 ADT-22 ADT^A01 ADT-31 ADT^A21 ADT-32 ADT^A22 ADT-42 ADT^A02 " \
	"ADT-52 ADT^A03 ADT-61 ADT^A60 PPR-01 PPR^ZD1 OMD OMD^O03 OMP-01 RDE^O11 OMP-02 RDE^O11 OMP-11 RAS^O17 OMP-12 RAS^O17 " \
	"OML-01 OML^O33 OML-11 OUL^R22 OMG-01 OMG^O19 OMG-11 OMI^Z23 OMG-03 OMG^O19 OMG-13 ORU^R01", t, " ")
	for (i = 1; i in t; i += 2) want[t[i]] = t[i + 1]
	split("ADT-12 A11 ADT-21 A27 ADT-22 A11 ADT-31 A52 ADT-32 A53 ADT-42 A12 ADT-52 A13", c, " ")
	for (i = 1; i in c; i += 2) undo[c[i]] = c[i + 1] }
{ k = split($1, p, "/"); split(p[k], q, "_"); split($2, m, "^"); kind = q[3]; got = m[1] "^" m[2]
  if (got != want[kind] && !(q[7] == "0" && m[2] == undo[kind])) print $0 }' index)
is "each message is of the kind of its folder" "$wrong" ""
is "the kinds that happen" "$(cut -f1 index | awk -F/ '{ print $(NF-1) }' | sort -u | wc -l)" 21
is "at most one valid message a key" "$(cut -f1 index | sed 's,.*/,,' | awk -F_ '$7 == 1 { print $1, $2, $3, $4 }' | sort | uniq -d | wc -l)" 0
for flag in 0 1 2; do
	ok "messages with flag $flag" test "$(cut -f1 index | grep -c "_$flag\$")" -gt 0
done
find a/ssmix2 -type f -print0 | sort -z | xargs -0 cat >all
ok "every message is ISO-2022-JP" iconv -f ISO-2022-JP -t UTF-8 all -o all.utf8
ok "with ■ where JIS has no character" grep -q 'L^I' all.utf8
ok "a name with ■" grep -aq '仮■橋' all.utf8
is "no line feed" "$(tr -dc '\n' <all | wc -c)" 0
is "no byte above 127" "$(LC_ALL=C tr -d '\000-\177' <all | wc -c)" 0

# --- truth ---
is "as many in beds as the report says" "$(($(wc -l <a/truth/inpatients.csv) - 1))" \
	"$("$MAMORI" practice --to a --json | sed 's/.*"inpatients":\([0-9]*\).*/\1/')"
is "no bed twice" "$(tail -n +2 a/truth/inpatients.csv | cut -d, -f1-3 | sort | uniq -d | wc -l)" 0
ok "penicillin among the allergies" grep -q 'ペニシリン' a/truth/allergies.csv
missing=0
while IFS=, read -r ward room bed id _; do
	grep -aq "_ADT-\(22\|42\)_.*_[01]\$" <(find "a/ssmix2/${id:0:3}/${id:3:3}/$id" -type f) || missing=$((missing + 1))
done < <(tail -n +2 a/truth/inpatients.csv)
is "everybody in a bed was admitted" $missing 0

# --- the other files ---
is "four more folders" "$(ls a | tr '\n' ' ')" "database images office practice.json scans ssmix2 truth "
if command -v dcmftest >/dev/null; then
	is "DICOM files for somebody else's program" "$(find a/images -type f -print0 | xargs -0 dcmftest | grep -vc '^yes')" 0
	is "all transfer syntaxes" "$(find a/images -type f -print0 | xargs -0 dcmdump +P 0002,0010 | awk '/^\(0002/ { print $3 }' | sort -u | tr '\n' ' ')" \
		"=BigEndianExplicit =DeflatedLittleEndianExplicit =JPEGBaseline =LittleEndianExplicit =LittleEndianImplicit =RLELossless "
	bad=0
	for f in $(find a/images -name '00001.dcm'); do
		dcm2pnm "$f" x.pnm >/dev/null 2>&1 || dcmj2pnm "$f" x.pnm >/dev/null 2>&1 || { bad=$((bad + 1)); echo "# $f"; }
	done
	is "and their pictures" $bad 0
else
	skip "DICOM" "dcmtk is not installed"
fi
if command -v pdfinfo >/dev/null; then
	bad=0
	while IFS= read -r f; do pdfinfo "$f" >info 2>&1 && grep -q '^PDF version: *1.4' info || bad=$((bad + 1)); done < <(find a/scans -name '*.pdf')
	is "PDFs for somebody else's program" $bad 0
	ok "a page can be drawn" pdftoppm -r 40 -gray "$(find a/scans -name '*.pdf' | sort | head -1)" page
else
	skip "PDF" "poppler is not installed"
fi
if command -v sqlite3 >/dev/null; then
	is "the SQLite database is whole" "$(sqlite3 a/database/reception.sqlite 'pragma integrity_check')" ok
	is "and at day 3" "$(sqlite3 a/database/reception.sqlite 'select max(day) from meta')" 3
else
	skip "SQLite" "sqlite3 is not installed"
fi
is "roster in CP932" "$(iconv -f CP932 -t UTF-8 a/office/勤務表/2026年度/2A病棟_勤務表.csv | grep -c '①')" 1
if command -v unzip >/dev/null; then
	bad=0
	while IFS= read -r f; do unzip -tq "$f" >/dev/null 2>&1 || bad=$((bad + 1)); done < <(find a/office -name '*.docx' -o -name '*.xlsx')
	is "Office files are sound archives" $bad 0
else
	skip "Office files" "unzip is not installed"
fi
is "a hard link" "$(stat -c %h a/office/規程/医療安全管理指針.docx)" 2
ok "a symbolic link" test -L a/office/共有/規程へ
ok "a name that is not UTF-8" test -f "a/office/共有/$(printf '\213\316\226\261').txt"
ok "a decomposed name" test -f "a/office/共有/$(printf 'カ\343\202\231イト\343\202\231ライン')_第2版.txt"
ok "an empty file" test -f a/office/共有/空.txt
is "and it is empty" "$(stat -c %s a/office/共有/空.txt)" 0

# --- a day changes a few pages in place ---
cp a/database/karte.dat old.dat
inode=$(stat -c %i a/database/karte.dat) size=$(stat -c %s a/database/karte.dat)
ok "day 4" make_it --to a --day 4
is "same inode" "$(stat -c %i a/database/karte.dat)" "$inode"
changed=$(cmp -l old.dat a/database/karte.dat 2>/dev/null | awk '{ p[int(($1 - 1) / 8192)] } END { print length(p) }')
pages=$((size / 8192))
ok "$changed of $pages pages changed" test "$changed" -ge 1 -a "$changed" -le $((pages / 20 + 2))
ok "and a few were added" test "$(stat -c %s a/database/karte.dat)" -gt "$size"
ok "fewer than $((n / 5)) new messages" test "$(($(count a/ssmix2) - n))" -lt $((n / 5))
done_testing
