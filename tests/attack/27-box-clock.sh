# who: box
# needs: faketime
# en: the box's own clock ten years ahead, then back, to let the locks end
# ja: 保管庫の機械の時計を10年進める・戻す
. "$ATTACK/lib.sh"
export FAKETIME_DONT_FAKE_MONOTONIC=1
json srv/.server vault prune srv/clinic --policy guideline >/dev/null
for off in +3650d -3650d; do
	faketime -f $off "$MAMORI" --json --state srv/.server vault prune srv/clinic --policy guideline >prune.$off 2>prune.err
	must "nothing may go at $off" jq -e '.removed == 0 and .pending == null and ([.refused[] | select(.why == "locked")] | length >= 2)' "prune.$off"
done
json srv/.server vault prune srv/clinic --policy guideline >prune
must "nor afterwards" jq -e '.removed == 0 and .pending == null' prune
noticed "vault verify, vault.tampering" traces box srv/clinic 'clock of the box'
serve
history
verdict
