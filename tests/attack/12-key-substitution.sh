# who: client
# en: admit a key of one's own with the writer's key; a vault of one's own over the one that is there
# ja: 鍵のすり替え、保管庫のすり替え
. "$ATTACK/lib.sh"
serve
cp srv/clinic/mamori-vault before
nothing_taken "a key nobody admitted" admit
nothing_taken "another vault in its place" create
must "the vault is the same" cmp srv/clinic/mamori-vault before
noticed "server's log" server_said 'only the recovery key|was not admitted|refused'
history
verdict
