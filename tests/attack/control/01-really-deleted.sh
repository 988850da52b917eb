# who: box
# en: control: the vault is really gone
# ja: 対照: 本当に消す
. "$ATTACK/lib.sh"
chmod -R u+w srv/clinic && rm -rf srv/clinic/seg/*
noticed "vault verify" says '.' m box vault verify srv/clinic
serve
history
verdict
