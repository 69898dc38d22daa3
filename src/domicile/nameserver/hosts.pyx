"""Where each host's app lives: a table in a worker's memory, in front of the replica.

`hosts.py` does the same with a dict, and says what each method is for.

A host is told from others by 64 bits of its SipHash-1-3 of 128 (Aumasson, Bernstein),
under a key that nobody else has; the other 64 bits say in which bucket it is looked for,
beside some four others. So a name that is no host's is taken for one once in 2^61
questions, and nobody can look for one. It is not the hosts that are kept, or ten million
would take half a gigabyte: 16 octets each are enough, one line of the processor's cache
for a look-up.
"""

import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/mman.h>

    enum { ENTRIES = 6, USUAL = 4, FURTHEST = 32 };

    /* A line of the cache. Number 0 is a free place; `passed` says that others, which
       belong here, found none and are in a bucket behind. */
    struct bucket {
        uint64_t tags[ENTRIES];
        uint16_t numbers[ENTRIES];
        uint8_t passed;
        uint8_t unused[3];
    };

    struct table {
        struct bucket *buckets;
        uint64_t count;
        uint64_t keys[2];
        uint64_t used;
    };

    struct place { uint64_t at, tag; };

    #define ROTATED(x, by) ((x) << (by) | (x) >> (64 - (by)))
    #define ROUND do { \\
        v0 += v1; v1 = ROTATED(v1, 13); v1 ^= v0; v0 = ROTATED(v0, 32); \\
        v2 += v3; v3 = ROTATED(v3, 16); v3 ^= v2; \\
        v0 += v3; v3 = ROTATED(v3, 21); v3 ^= v0; \\
        v2 += v1; v1 = ROTATED(v1, 17); v1 ^= v2; v2 = ROTATED(v2, 32); \\
    } while (0)

    static struct place table_place(const struct table *all, const unsigned char *host,
                                    size_t size) {
        uint64_t v0 = all->keys[0] ^ 0x736f6d6570736575, v2 = all->keys[0] ^ 0x6c7967656e657261;
        uint64_t v1 = all->keys[1] ^ 0x646f72616e646f83, v3 = all->keys[1] ^ 0x7465646279746573;
        uint64_t word;
        size_t rest = size;
        for (; rest >= 8; rest -= 8, host += 8) {
            memcpy(&word, host, 8);
            v3 ^= word; ROUND; v0 ^= word;
        }
        word = 0;
        memcpy(&word, host, rest);
        word |= (uint64_t)size << 56;
        v3 ^= word; ROUND; v0 ^= word;
        v2 ^= 0xee; ROUND; ROUND; ROUND;
        uint64_t first = v0 ^ v1 ^ v2 ^ v3;
        v1 ^= 0xdd; ROUND; ROUND; ROUND;
        struct place found = {
            (uint64_t)(((unsigned __int128)first * all->count) >> 64), v0 ^ v1 ^ v2 ^ v3
        };
        return found;
    }

    static size_t table_size(const struct table *all) {
        size_t size = all->count * sizeof *all->buckets, large = 1 << 21;
        return size < large / 16 ? size : (size + large - 1) / large * large;
    }

    static void table_free(struct table *all) {
        if (all == NULL) return;
        if (all->buckets) munmap(all->buckets, table_size(all));
        free(all);
    }

    static struct table *table_make(uint64_t hosts, const char *keys) {
        struct table *all = calloc(1, sizeof *all);
        if (all == NULL) return NULL;
        all->count = hosts / USUAL + 1;
        memcpy(all->keys, keys, sizeof all->keys);
        void *found = mmap(NULL, table_size(all), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (found == MAP_FAILED) { free(all); return NULL; }
        /* A look-up is anywhere in it: with small pages each would miss the TLB, too. */
        madvise(found, table_size(all), MADV_HUGEPAGE);
        all->buckets = found;
        return all;
    }

    static struct bucket *table_behind(const struct table *all, struct bucket *bucket) {
        return ++bucket == all->buckets + all->count ? all->buckets : bucket;
    }

    static uint16_t *table_entry(const struct table *all, struct place wanted) {
        struct bucket *bucket = all->buckets + wanted.at;
        for (int step = 0; step < FURTHEST; step++) {
            for (int each = 0; each < ENTRIES; each++)
                if (bucket->tags[each] == wanted.tag && bucket->numbers[each])
                    return &bucket->numbers[each];
            if (!bucket->passed) break;
            bucket = table_behind(all, bucket);
        }
        return NULL;
    }

    static void table_foresee(const struct table *all, const unsigned char *host,
                              size_t size) {
        if (all) __builtin_prefetch(all->buckets + table_place(all, host, size).at);
    }

    static int table_find(const struct table *all, const unsigned char *host, size_t size) {
        if (all == NULL) return 0;
        uint16_t *entry = table_entry(all, table_place(all, host, size));
        return entry ? *entry : 0;
    }

    /* Number 0 takes it away. */
    static int table_put(struct table *all, const unsigned char *host, size_t size,
                         uint16_t number) {
        if (all == NULL) return 0;
        struct place wanted = table_place(all, host, size);
        uint16_t *entry = table_entry(all, wanted);
        if (entry || !number) {
            if (entry && !number) all->used--;
            if (entry) *entry = number;
            return 1;
        }
        struct bucket *bucket = all->buckets + wanted.at;
        for (int step = 0; step < FURTHEST; step++) {
            for (int each = 0; each < ENTRIES; each++)
                if (!bucket->numbers[each]) {
                    bucket->tags[each] = wanted.tag;
                    bucket->numbers[each] = number;
                    all->used++;
                    return 1;
                }
            bucket->passed = 1;
            bucket = table_behind(all, bucket);
        }
        return 0;
    }

    static uint64_t table_used(const struct table *all) { return all ? all->used : 0; }
    """
    struct table:
        pass
    void table_free(table *all)
    table *table_make(unsigned long long hosts, const char *keys)
    int table_find(const table *all, const unsigned char *host, size_t size)
    void table_foresee(const table *all, const unsigned char *host, size_t size)
    int table_put(table *all, const unsigned char *host, size_t size, int number)
    unsigned long long table_used(const table *all)

UNKNOWN = b"?"
# Some 340 MB.
MOST = 20_000_000

cdef bytes _UNKNOWN = UNKNOWN
cdef Py_ssize_t _MOST_CLUSTERS = 65_000


cdef class Hosts:
    def __cinit__(self):
        self._table = NULL
        self.begin(0)

    def __dealloc__(self):
        table_free(<table *>self._table)

    def __len__(self):
        return table_used(<table *>self._table)

    cpdef begin(self, Py_ssize_t count):
        self.whole = False
        # Number 0 is no cluster's.
        self._numbers = {}
        self._clusters = [None]
        table_free(<table *>self._table)
        self._table = table_make(count, os.urandom(16))

    cpdef bint put(self, bytes host, bytes cluster) except -1:
        cdef int number = 0
        if cluster is not None:
            if cluster not in self._numbers:
                if len(self._clusters) > _MOST_CLUSTERS:
                    return False
                self._numbers[cluster] = len(self._clusters)
                self._clusters.append(cluster)
            number = self._numbers[cluster]
        return table_put(
            <table *>self._table, <const unsigned char *>PyBytes_AS_STRING(host),
            <size_t>PyBytes_GET_SIZE(host), number,
        )

    def complete(self):
        self.whole = True

    cpdef foresee(self, const unsigned char *host, Py_ssize_t size):
        table_foresee(<table *>self._table, host, <size_t>size)

    cpdef bytes find(self, const unsigned char *host, Py_ssize_t size):
        cdef int number = table_find(<table *>self._table, host, <size_t>size)
        if number:
            return <bytes>self._clusters[number]
        return None if self.whole else _UNKNOWN
