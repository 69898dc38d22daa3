/* Where a key's place is in a table, and memory for one.

   A look-up is in one bucket, a line of the processor's cache, that is known as soon as
   the key is: so it can be fetched for all packets of a batch at once. What is in a bucket
   is told apart by 64 bits of the key's SipHash-1-3 of 128 (Aumasson, Bernstein), under a
   secret of the table's own; the other 64 bits say which bucket it is. So a key is taken
   for another of its bucket once in 2^61 questions, and nobody can look for one. */

#ifndef DOMICILE_PLACES
#define DOMICILE_PLACES

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct place { uint64_t at, tag; };

#define ROTATED(x, by) ((x) << (by) | (x) >> (64 - (by)))
#define ROUND do { \
    v0 += v1; v1 = ROTATED(v1, 13); v1 ^= v0; v0 = ROTATED(v0, 32); \
    v2 += v3; v3 = ROTATED(v3, 16); v3 ^= v2; \
    v0 += v3; v3 = ROTATED(v3, 21); v3 ^= v0; \
    v2 += v1; v1 = ROTATED(v1, 17); v1 ^= v2; v2 = ROTATED(v2, 32); \
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

#endif
