# What is read of the labelled files: the share of their facts that is found, and of what is
# claimed that is right. `make reading` shows each miss.
[ -x /usr/bin/python3 ] || { echo "no /usr/bin/python3"; exit 77; }
/usr/bin/python3 tests/reading.py "$GPULINT" fixtures/reading/* --recall 0.98 --precision 0.99
