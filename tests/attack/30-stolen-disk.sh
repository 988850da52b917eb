# who: disk
# needs: faketime
# en: a carried disk is stolen: names, counts, content, patterns
# ja: 持ち出しディスクを盗んで中身を調べる
. "$ATTACK/lib.sh"
must "carried before" m box vault carry srv/clinic stick
mv stick stolen
leak stolen
must "files of two sizes only" sh -c '[ "$(find stolen/mamori-disk -type f -printf "%s\n" | sort -un | tr "\n" " ")" = "4096 4194304 " ]'
must "nothing of ours can be told" sh -c '! grep -rqa -e MAMORI-VAULT -e MMRISEG -e MMRILEDG stolen'
must "it does not compress" sh -c '[ $(zstd -q -c stolen/mamori-disk/c000/000 | wc -c) -ge $(wc -c <stolen/mamori-disk/c000/000) ]'
mustnt "unpacking without a key" m thief vault unpack stolen --to haul
mustnt "unpacking with another clinic's key" m thief vault unpack stolen --to haul --key key-other
leak haul
noticed "vault disk check once it is not back in a month (vault.offline.age)" says '40\.[0-9] days old' faketime -f +40d "$MAMORI" --state box --lang en vault disk check
serve
history
verdict
