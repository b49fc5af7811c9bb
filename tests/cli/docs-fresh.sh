# Pages printed by the binary are what it prints now.
sh tests/docs.sh
