# who: network
# en: another machine answers under the server's address, with its own certificate
# ja: 別の証明書を持つ機械がサーバーになりすます
. "$ATTACK/lib.sh"
mkdir fake
serve fake
for s in client reader; do
	mustnt "$s talks to it" m $s vault list "$url"
done
noticed "client's exit status" says 'another machine than' m client vault backup "$url" src --name emr
must "nothing came to it" sh -c '[ -z "$(ls fake)" ]'
halt
serve
history
verdict
