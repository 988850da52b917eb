# who: network
# needs: faketime
# en: TLS 1.2 instead of 1.3 on either side; a certificate that has expired
# ja: TLSの格下げ、期限切れの証明書
. "$ATTACK/lib.sh"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=x 2>/dev/null
openssl s_server -accept "127.0.0.1:$ATTACK_PORT" -cert c.pem -key k.pem -tls1_2 -quiet >/dev/null 2>&1 &
others+=($!)
must "a TLS 1.2 server listens" wait_for 20 python3 -c "import socket; socket.create_connection(('127.0.0.1', $ATTACK_PORT), 1)"
noticed "client's exit status (old protocol)" says 'TLS|protocol|version' m client vault list "$url"
kill "${others[@]}" && wait "${others[@]}" 2>/dev/null
others=()
serve
pem=$(find client/vault/remote -name '*.pem' | head -1)
mustnt "a client with TLS 1.2" sh -c "openssl s_client -connect 127.0.0.1:$ATTACK_PORT -tls1_2 -cert $pem -key $pem </dev/null 2>&1 | grep -q 'Cipher is [A-Z]'"
noticed "server's log" server_said 'no handshake'
# thirty-two years later every certificate is too old
noticed "client's exit status (expired)" says 'expired' faketime -f +11700d "$MAMORI" --state client --lang en vault list "$url"
history
verdict
