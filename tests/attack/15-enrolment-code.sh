# who: network
# en: a used code again, an expired one, and 100 guessed ones
# ja: 登録コードの使い回しと総当たり
. "$ATTACK/lib.sh"
serve
code clinic --role both >fresh
code clinic --hours 0 >stale
must "its owner uses it" m owner vault enrol "$url" --code-file fresh
mustnt "somebody else with the used one" m thief vault enrol "$url" --code-file fresh
mustnt "an expired one" m thief vault enrol "$url" --code-file stale
nothing_guessed() {
	python3 "$ATTACK/guess.py" "$ATTACK_PORT" 100
}
must "no guess is right" nothing_guessed
mustnt "the thief is not enrolled" m thief vault list "$url"
noticed "server's log" server_said 'refused|no handshake'
history
verdict
