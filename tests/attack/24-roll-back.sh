# who: box
# en: the server is restored from an image of last week
# ja: サーバーを古いイメージへ巻き戻す
. "$ATTACK/lib.sh"
cp -a srv/clinic image
serve
echo four >"src/追加 髙橋/four.txt"
must "a fourth generation" m client vault backup "$url" src --name emr
json reader vault list "$url" | jq -r '.generations[-1].id' >>ids
cp -a src then/4
halt
must "carried to the drawer" m box vault carry srv/clinic stick
mv srv/clinic newer && mv image srv/clinic
serve
noticed "client's exit status" says 'put back an old copy' m client vault backup "$url" src --name emr
noticed "reader's exit status" says 'put back an old copy|older|does not continue' m reader vault list "$url"
halt
noticed "vault verify on the box" says 'older|shorter|remember|not hold|damaged' m box vault verify srv/clinic
# nothing is lost: the disk in the drawer has it
must "unpacked from the drawer" m clean vault unpack stick --to drawer --key key
history drawer clean
verdict
