# who: box
# en: two histories: one machine is shown one, the other machine another
# ja: 記録を枝分かれさせ、相手ごとに別の歴史を見せる
. "$ATTACK/lib.sh"
serve
code clinic >c4
must "a second machine is enrolled" m other2 vault enrol "$url" --code-file c4
mkdir -p other2/vault && id=$(sed -n 's/^id: //p' srv/clinic/mamori-vault) && mkdir -p "other2/vault/$id" &&
    cp client/vault/"$id"/writer.key "other2/vault/$id/"
must "a second machine" m other2 vault backup "$url" src2 --name two
halt
cp -a srv/clinic fork
serve
must "one history for the first" m client vault backup "$url" src --name emr --full
halt
mv srv/clinic first && mv fork srv/clinic
serve
must "the other history for the second" m other2 vault backup "$url" src2 --name two --full
noticed "client's exit status" says 'does not continue|put back' m client vault backup "$url" src --name emr
halt
mv srv/clinic second && mv first srv/clinic
serve
noticed "the second machine's exit status" says 'does not continue|put back' m other2 vault backup "$url" src2 --name two
history
verdict
