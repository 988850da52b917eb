# who: client
# en: delete everything on the client: keys, caches, the copy of the log
# ja: 端末の鍵・索引・記録の写しをすべて消す
. "$ATTACK/lib.sh"
serve
rm -rf client/vault/*/mirror client/vault/*/index client/vault/*/files-* client/vault/*/ring
must "without caches it backs up" m client vault backup "$url" src --name emr
rm -rf client
noticed "exit status of the backup" says 'there is no client|not enrolled' m client vault backup "$url" src --name emr
must "the server's own check holds" m box vault verify srv/clinic --data
history
verdict
