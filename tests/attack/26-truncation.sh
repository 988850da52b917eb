# who: box
# en: the end of the log is cut off, with and without its memory of the head
# ja: 記録の末尾を切り落とす
. "$ATTACK/lib.sh"
must "carried before" m box vault carry srv/clinic stick
chmod -R u+w srv/clinic/log
size=$(stat -c %s srv/clinic/log/log)
truncate -s $((size - 300)) srv/clinic/log/log
noticed "vault verify" says 'damaged|not hold|cut' m box vault verify srv/clinic
rm -f srv/clinic/log/head
noticed "vault verify (head gone, too)" says 'damaged|not hold|cut|head' m box vault verify srv/clinic
serve
noticed "client's exit status" says 'head file is missing' m client vault backup "$url" src --name emr
halt
must "unpacked from the drawer" m clean vault unpack stick --to drawer --key key
history drawer clean
verdict
