"""Where all hosts' apps live, in a worker's memory: 16 octets a host, fetched ahead.

`hosts.py` does the same with a dict, and says what each method is for. The hosts themselves
are not kept, or ten million would take half a gigabyte: see `places.h`.
"""

import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

cdef extern from "places.h":
    pass

cdef extern from *:
    """
    enum { ENTRIES = 6, FURTHEST = 64 };

    /* Number 0 is a free place; `passed` says that others, which belong here, found none
       and are in a bucket behind. */
    struct bucket {
        uint64_t tags[ENTRIES];
        uint16_t numbers[ENTRIES];
        uint8_t passed;
        uint8_t unused[3];
    };

    struct table {
        struct bucket *buckets;
        uint64_t count;
        uint64_t secret[2];
        uint64_t used;
    };

    static void table_free(struct table *all) {
        if (all == NULL) return;
        munmap(all->buckets, whole_pages(all->count * sizeof *all->buckets));
        free(all);
    }

    static struct table *table_make(uint64_t hosts, const char *secret) {
        struct table *all = calloc(1, sizeof *all);
        if (all == NULL) return NULL;
        /* Two of three places are taken in the end. */
        all->count = hosts / 4 + 2;
        memcpy(all->secret, secret, sizeof all->secret);
        all->buckets = pages_make(all->count * sizeof *all->buckets);
        if (all->buckets) return all;
        free(all);
        return NULL;
    }

    static struct place table_place(const struct table *all, const unsigned char *host,
                                    size_t size) {
        return place_of(all->secret, all->count, host, size);
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
# Some 320 MB.
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
