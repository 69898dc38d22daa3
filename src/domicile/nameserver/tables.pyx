"""Tables in a worker's memory: of where all hosts' apps live, and of signed replies.

`tables.py` does the same with dicts, and says what each method is for.

A look-up is in one bucket, a line of the processor's cache, that is known as soon as the
name is: so it can be fetched for all packets of a batch at once. What is in a bucket is
told apart by 64 bits of the key's SipHash-1-3 of 128 (Aumasson, Bernstein), under a
secret of the table's own; the other 64 bits say which bucket it is. So a name that is no
host's is taken for one once in 2^61 questions, and nobody can look for one. The hosts
themselves are not kept, or ten million would take half a gigabyte.
"""

import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport PyObject

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/mman.h>

    struct place { uint64_t at, tag; };

    #define ROTATED(x, by) ((x) << (by) | (x) >> (64 - (by)))
    #define ROUND do { \\
        v0 += v1; v1 = ROTATED(v1, 13); v1 ^= v0; v0 = ROTATED(v0, 32); \\
        v2 += v3; v3 = ROTATED(v3, 16); v3 ^= v2; \\
        v0 += v3; v3 = ROTATED(v3, 21); v3 ^= v0; \\
        v2 += v1; v1 = ROTATED(v1, 17); v1 ^= v2; v2 = ROTATED(v2, 32); \\
    } while (0)

    static struct place place_of(const uint64_t secret[2], uint64_t buckets,
                                 const unsigned char *key, size_t size) {
        uint64_t v0 = secret[0] ^ 0x736f6d6570736575, v1 = secret[1] ^ 0x646f72616e646f83;
        uint64_t v2 = secret[0] ^ 0x6c7967656e657261, v3 = secret[1] ^ 0x7465646279746573;
        uint64_t word;
        size_t rest = size;
        for (; rest >= 8; rest -= 8, key += 8) {
            memcpy(&word, key, 8);
            v3 ^= word; ROUND; v0 ^= word;
        }
        word = 0;
        memcpy(&word, key, rest);
        word |= (uint64_t)size << 56;
        v3 ^= word; ROUND; v0 ^= word;
        v2 ^= 0xee; ROUND; ROUND; ROUND;
        uint64_t first = v0 ^ v1 ^ v2 ^ v3;
        v1 ^= 0xdd; ROUND; ROUND; ROUND;
        struct place found = {
            (uint64_t)(((unsigned __int128)first * buckets) >> 64), v0 ^ v1 ^ v2 ^ v3
        };
        return found;
    }

    /* Look-ups are anywhere in it: with small pages each would miss the TLB, too. */
    static size_t whole_pages(size_t size) {
        size_t large = 1 << 21;
        return size < large / 16 ? size : (size + large - 1) / large * large;
    }

    static void *pages_make(size_t size) {
        void *found = mmap(NULL, whole_pages(size), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (found == MAP_FAILED) return NULL;
        madvise(found, whole_pages(size), MADV_HUGEPAGE);
        return found;
    }

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

    enum { WAYS = 4, OCTETS_EACH = 512 };

    /* A cache: what finds no place takes that of another. A reply has its lowest bit set
       once it was asked for, since the hand passed that goes round and takes away. */
    struct set {
        uint64_t tags[WAYS];
        uintptr_t replies[WAYS];
    };

    struct cache {
        struct set *sets;
        uint64_t count;
        uint64_t secret[2];
        size_t room, used;
        uint64_t entries, hand;
    };

    static PyObject *reply_at(const struct set *set, int way) {
        return (PyObject *)(set->replies[way] & ~(uintptr_t)1);
    }

    static void cache_remove(struct cache *all, struct set *set, int way) {
        PyObject *reply = reply_at(set, way);
        all->used -= Py_SIZE(reply) + sizeof(PyBytesObject);
        all->entries--;
        set->replies[way] = 0;
        Py_DECREF(reply);
    }

    static void cache_clear(struct cache *all) {
        if (all == NULL) return;
        for (uint64_t each = 0; all->entries && each < all->count; each++)
            for (int way = 0; way < WAYS; way++)
                if (all->sets[each].replies[way])
                    cache_remove(all, &all->sets[each], way);
    }

    static void cache_free(struct cache *all) {
        if (all == NULL) return;
        cache_clear(all);
        munmap(all->sets, whole_pages(all->count * sizeof *all->sets));
        free(all);
    }

    static struct cache *cache_make(size_t room, const char *secret) {
        struct cache *all = calloc(1, sizeof *all);
        if (all == NULL) return NULL;
        all->room = room;
        all->count = room / OCTETS_EACH + 1;
        memcpy(all->secret, secret, sizeof all->secret);
        all->sets = pages_make(all->count * sizeof *all->sets);
        if (all->sets) return all;
        free(all);
        return NULL;
    }

    static void cache_foresee(const struct cache *all, const unsigned char *key,
                              size_t size) {
        if (all) __builtin_prefetch(&all->sets[place_of(all->secret, all->count, key, size).at]);
    }

    /* What is in the set is likely to be what is wanted: a name has few replies. */
    static void cache_approach(const struct cache *all, const unsigned char *key,
                               size_t size) {
        if (all == NULL) return;
        struct set *set = &all->sets[place_of(all->secret, all->count, key, size).at];
        for (int way = 0; way < WAYS; way++)
            if (set->replies[way])
                for (int line = 0; line < 4; line++)
                    __builtin_prefetch((const char *)reply_at(set, way) + 64 * line);
    }

    static PyObject *cache_find(struct cache *all, const unsigned char *key, size_t size,
                                Py_hash_t beside) {
        if (all == NULL) return NULL;
        struct place wanted = place_of(all->secret, all->count, key, size);
        struct set *set = &all->sets[wanted.at];
        for (int way = 0; way < WAYS; way++)
            if (set->tags[way] == (wanted.tag ^ (uint64_t)beside) && set->replies[way]) {
                set->replies[way] |= 1;
                return reply_at(set, way);
            }
        return NULL;
    }

    static void cache_make_way(struct cache *all, size_t size) {
        while (all->entries && all->used + size > all->room) {
            struct set *set = &all->sets[all->hand];
            for (int way = 0; way < WAYS; way++)
                if (set->replies[way] & 1)
                    set->replies[way] &= ~(uintptr_t)1;
                else if (set->replies[way])
                    cache_remove(all, set, way);
            all->hand = (all->hand + 1) % all->count;
        }
    }

    /* Its own place, a free one, or that of one that nobody asked for lately. */
    static int cache_way(const struct set *set, uint64_t tag) {
        int found = tag % WAYS;
        for (int way = 0; way < WAYS; way++)
            if (!(set->replies[way] & 1)) found = way;
        for (int way = 0; way < WAYS; way++)
            if (!set->replies[way]) found = way;
        for (int way = 0; way < WAYS; way++)
            if (set->replies[way] && set->tags[way] == tag) found = way;
        return found;
    }

    static void cache_put(struct cache *all, const unsigned char *key, size_t size,
                          Py_hash_t beside, PyObject *reply) {
        if (all == NULL) return;
        size_t taken = Py_SIZE(reply) + sizeof(PyBytesObject);
        cache_make_way(all, taken);
        struct place wanted = place_of(all->secret, all->count, key, size);
        struct set *set = &all->sets[wanted.at];
        wanted.tag ^= (uint64_t)beside;
        int way = cache_way(set, wanted.tag);
        if (set->replies[way]) cache_remove(all, set, way);
        Py_INCREF(reply);
        set->tags[way] = wanted.tag;
        set->replies[way] = (uintptr_t)reply;
        all->used += taken;
        all->entries++;
    }

    static uint64_t cache_entries(const struct cache *all) { return all ? all->entries : 0; }
    """
    struct table:
        pass
    void table_free(table *all)
    table *table_make(unsigned long long hosts, const char *keys)
    int table_find(const table *all, const unsigned char *host, size_t size)
    void table_foresee(const table *all, const unsigned char *host, size_t size)
    int table_put(table *all, const unsigned char *host, size_t size, int number)
    unsigned long long table_used(const table *all)
    struct cache:
        pass
    void cache_clear(cache *all)
    void cache_free(cache *all)
    cache *cache_make(size_t room, const char *secret)
    void cache_foresee(const cache *all, const unsigned char *key, size_t size)
    void cache_approach(const cache *all, const unsigned char *key, size_t size)
    PyObject *cache_find(cache *all, const unsigned char *key, size_t size, Py_hash_t with_)
    void cache_put(
        cache *all, const unsigned char *key, size_t size, Py_hash_t with_, PyObject *reply
    )
    unsigned long long cache_entries(const cache *all)

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


cdef class SignedReplies:
    def __cinit__(self, size_t room):
        self._cache = cache_make(room, os.urandom(16))

    def __dealloc__(self):
        cache_free(<cache *>self._cache)

    def __len__(self):
        return cache_entries(<cache *>self._cache)

    cpdef clear(self):
        cache_clear(<cache *>self._cache)

    cpdef foresee(self, const unsigned char *key, Py_ssize_t size):
        cache_foresee(<cache *>self._cache, key, <size_t>size)

    cpdef approach(self, const unsigned char *key, Py_ssize_t size):
        cache_approach(<cache *>self._cache, key, <size_t>size)

    cpdef bytes find(self, const unsigned char *key, Py_ssize_t size, bytes beside):
        cdef PyObject *found = cache_find(
            <cache *>self._cache, key, <size_t>size, hash(beside)
        )
        return None if found == NULL else <bytes>found

    cpdef put(
        self, const unsigned char *key, Py_ssize_t size, bytes beside, bytes reply
    ):
        cache_put(
            <cache *>self._cache, key, <size_t>size, hash(beside), <PyObject *>reply
        )
