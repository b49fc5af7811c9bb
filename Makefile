# gpulint: `make` builds build/gpulint, `make check` runs every test, `make help` lists the rest.
# Another build directory: make B=dir. Needs a C11 and a C++17 compiler, libyaml, libcjson,
# libpcre2-8 and toml++, which is headers only: its C++ library is linked statically, so that
# starting costs no more.

VERSION := 0.1.0
B ?= build
CC ?= cc
CXX ?= c++
CFLAGS ?= -O2 -g
CXXFLAGS ?= $(CFLAGS)
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings
PKGS := yaml-0.1 libcjson libpcre2-8
PKG_CONFIG ?= pkg-config
DEP_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS))
DEP_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS)) -l:libstdc++.a -static-libgcc
CPPFLAGS_ALL := -D_XOPEN_SOURCE=700 -DGPULINT_VERSION='"$(VERSION)"' $(CPPFLAGS)
CFLAGS_ALL := -std=c11 -pthread $(WARN) $(CFLAGS) $(DEP_CFLAGS) -MMD -MP
PREFIX ?= /usr/local

export LC_ALL := C

# Everything but the entry points and the table writer; the pack's tables are generated.
LIB_SRC := $(sort $(filter-out lint/main.c,$(wildcard lint/*.c lint/front/*.c lint/report/*.c lint/check/*.c lint/cmd/*.c)))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o) $(B)/lint/front/toml_events.o
PACK_DATA := $(sort $(wildcard rules/*/*.yaml))
TABLES := $(B)/tables.c

all: $(B)/gpulint ## build build/gpulint

$(B)/gpulint: $(B)/lint/main.o $(B)/libgpulint.a $(B)/tables.o
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(B)/lint/main.o $(B)/libgpulint.a $(B)/tables.o $(B)/libgpulint.a $(DEP_LIBS) -lm -pthread

$(B)/libgpulint.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcsD $@ $(LIB_OBJ)

# The table writer reads rules/ with the program's own loader and prints constant C tables.
$(B)/packc: $(B)/lint/tool/packc.o $(B)/lint/tool/no_tables.o $(B)/libgpulint.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(DEP_LIBS) -lm -pthread

$(TABLES): $(B)/packc $(PACK_DATA)
	$(B)/packc rules > $@.tmp && mv $@.tmp $@

$(B)/tables.o: $(TABLES)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Ilint -c -o $@ $<

$(B)/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) -std=c++17 -Wall -Wextra $(CXXFLAGS) -fno-exceptions -fno-rtti -MMD -MP -c -o $@ $<

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

# --- tests ---------------------------------------------------------------

UNIT_SRC := $(sort $(wildcard tests/unit/*.c))
UNITS := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)

$(B)/unit/%: tests/unit/%.c $(B)/libgpulint.a $(B)/tables.o
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Ilint $(LDFLAGS) -o $@ $< $(B)/libgpulint.a $(B)/tables.o $(B)/libgpulint.a $(DEP_LIBS) -lcmocka -lm -pthread

# Small programs that the tests use.
TOOLS := $(B)/tests/lines $(B)/tests/examples $(B)/tests/events

$(B)/tests/%: tests/tools/%.c $(B)/libgpulint.a $(B)/tables.o
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Ilint $(LDFLAGS) -o $@ $< $(B)/libgpulint.a $(B)/tables.o $(B)/libgpulint.a $(DEP_LIBS) -lm -pthread

# The rewriter's laws over any bytes; replay runs them over kept inputs, without a fuzzer.
$(B)/fuzz/replay: tests/fuzz/replay.c tests/fuzz/fuzz_fix.c $(B)/libgpulint.a $(B)/tables.o
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Ilint $(LDFLAGS) -o $@ tests/fuzz/replay.c tests/fuzz/fuzz_fix.c $(B)/libgpulint.a $(B)/tables.o $(B)/libgpulint.a $(DEP_LIBS) -lm -pthread

$(B)/fuzz/fuzz_fix: tests/fuzz/fuzz_fix.c $(B)/libgpulint.a $(B)/tables.o
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Ilint $(LDFLAGS) -fsanitize=fuzzer -o $@ tests/fuzz/fuzz_fix.c $(B)/libgpulint.a $(B)/tables.o $(B)/libgpulint.a $(DEP_LIBS) -lm -pthread

FUZZ_SECONDS ?= 60
FUZZ_DIR ?= build-fuzz/work
LIBFUZZER := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=function -fno-sanitize-recover=undefined

fuzz: ## libFuzzer and AFL++ side by side for FUZZ_SECONDS (needs clang, libclang-rt-14-dev, afl++)
	$(MAKE) B=build-fuzz CC=clang CXX=clang++ CFLAGS="$(LIBFUZZER)" LDFLAGS="-fsanitize=address,undefined" build-fuzz/fuzz/fuzz_fix
	$(MAKE) B=build-afl CC=afl-clang-fast CXX=afl-clang-fast++ CFLAGS="-O2 -g" build-afl/fuzz/fuzz_fix
	sh tests/fuzz/run.sh build-fuzz/fuzz/fuzz_fix build-afl/fuzz/fuzz_fix $(FUZZ_SECONDS) $(FUZZ_DIR)

KILLS ?= 1000

kill: all ## SIGKILL at random instants while 1,000 files are rewritten, KILLS times
	nice -n 19 python3 -B tests/kill.py $(B)/gpulint $(KILLS) 1000

units: $(UNITS) ## build the unit tests

demo: all ## findings, a memory analysis and a diff on the shipped fixtures
	@B=$(B) sh tests/demo.sh

check: all $(UNITS) $(TOOLS) $(B)/accuracy $(B)/fuzz/replay ## run every test
	B=$(B) sh tests/run.sh

accept: all $(TOOLS) ## rewrite expectations from what the program does now; read the diff
	rm -rf fixtures/rules
	$(B)/tests/examples fixtures/rules
	B=$(B) ACCEPT=1 sh tests/run.sh
	B=$(B) sh tests/docs.sh accept

ASAN := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

asan: ## run every test under AddressSanitizer and UndefinedBehaviorSanitizer
	$(MAKE) B=build-asan CFLAGS="$(ASAN)" LDFLAGS="-fsanitize=address,undefined" check

lint: ## budgets, banned words, include order, shell and C checkers, a clang build
	sh tests/check-tree.sh
	$(MAKE) B=build-clang CC=clang CXX=clang++ CFLAGS="-O1 -Werror" build-clang/gpulint
	$(MAKE) B=build-gcc CC=gcc CXX=g++ CFLAGS="-O2 -Werror" build-gcc/gpulint
	cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr --suppressions-list=tests/cppcheck.txt -Ilint lint

bench: all $(TOOLS) ## ratios of speed, taken in one run
	B=$(B) sh tests/bench.sh

reading: all ## recall and precision of the facts read, against labels written by hand
	/usr/bin/python3 tests/reading.py $(B)/gpulint fixtures/reading/* --verbose

install: all ## copy the program below $(PREFIX)
	install -D -m 755 $(B)/gpulint $(DESTDIR)$(PREFIX)/bin/gpulint

uninstall: ## remove it again
	rm -f $(DESTDIR)$(PREFIX)/bin/gpulint

$(B)/accuracy: tests/accuracy.c tests/accuracy_vision.c tests/accuracy_vision.h tests/run_text.h $(B)/libgpulint.a $(B)/tables.o
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Ilint $(LDFLAGS) -o $@ $< tests/accuracy_vision.c $(B)/libgpulint.a $(B)/tables.o $(B)/libgpulint.a $(DEP_LIBS) -lm -pthread

accuracy: $(B)/accuracy ## compare the memory model with measured runs: make accuracy DATA="table.tsv zoo.tsv"
	$(B)/accuracy rules $(DATA)

clean: ## remove what was built
	rm -rf build build-*

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | sort

.PHONY: all accuracy reading units demo check accept asan fuzz kill lint bench install uninstall clean help
.SECONDARY:
-include $(LIB_OBJ:.o=.d) $(B)/lint/main.d $(B)/lint/tool/packc.d $(B)/tables.d $(UNITS:=.d) $(TOOLS:=.d)
