#!/bin/bash
# What a file of a generation says, without giving it back: encodings, HL7, pictures, long files.
# timeout: 60
. "$MAMORI_SRC/tests/tap.sh"
command -v jq >/dev/null || skip_all "jq is not installed"
export MAMORI_STATE=$PWD/state
mkdir src
printf '追加 髙橋 𠮷野 葛󠄀' >src/utf8.txt
printf '\x94\xaa\xfb\xfc' >src/sjis.txt
printf 'MSH|^~\\&|a\rPID|1|\x1b$B9b\x1b(B\r' >src/message
printf '\x89PNG\r\n\x1a\nxx' >src/picture
head -c 200000 /dev/zero | tr '\0' a >src/long.txt
"$MAMORI" vault init vault --recovery-out key >/dev/null
"$MAMORI" vault backup vault src --name s >/dev/null
peek() { "$MAMORI" --json vault peek vault latest "$@" --key key; }
ok "UTF-8" jq -e '.kind=="text" and .text=="追加 髙橋 𠮷野 葛󠄀" and .truncated==false' <(peek src/utf8.txt)
ok "CP932" jq -e '.encoding=="CP932" and .text=="八髙"' <(peek src/sjis.txt)
ok "HL7 in ISO-2022-JP, by segments" jq -e '.kind=="hl7" and .segments[1].name=="PID" and (.segments[1].text|endswith("高"))' <(peek src/message)
ok "a picture is named, not shown" jq -e '.kind=="image" and .type=="image/png" and .text==""' <(peek src/picture)
ok "of a long file the beginning" jq -e '.truncated and .size==200000 and (.text|length)==65536' <(peek src/long.txt)
status "a folder is no file" 2 peek src
status "no such file" 3 peek src/none
done_testing
