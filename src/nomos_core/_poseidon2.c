/* Poseidon2 over the BN254 scalar field, state of three: the batch functions behind nomos_core.poseidon2.
 *
 * Plain C with 128-bit products, called through ctypes, so that the interpreter lock is free while a batch runs. A
 * field element is four 64-bit limbs in Montgomery form (times 2^256). Bytes are little-endian, 32 an element.
 *
 * The modulus p fits 5.29 times in 256 bits, so sums of a few elements need no reduction. A "reduced" element is below
 * 1.000001 p; comments give the bounds of everything else, and only what leaves through an `out` argument is below p.
 *
 * The round constants come from the Python module that also feeds the other implementation, through
 * nomos_poseidon2_setup. Whoever changes a signature or the meaning of an argument raises ABI_VERSION here and in
 * poseidon2_compiled.py.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "limbs are copied from little-endian bytes: this machine needs the implementation on gmpy2"
#endif

#define ABI_VERSION 1
#define EXPORT __attribute__((visibility("default")))

enum { LIMBS = 4, BYTES = 32, WIDTH = 3, HALF_EXTERNAL_ROUNDS = 4, INTERNAL_ROUNDS = 56 };

typedef unsigned __int128 wide;

typedef struct {
    uint64_t limb[LIMBS];
} element;

typedef struct {
    element a, b, c;
} state;

static const element MULTIPLES_OF_MODULUS[] = {
    {{0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u}},
    {{0x43e1f593f0000001u, 0x2833e84879b97091u, 0xb85045b68181585du, 0x30644e72e131a029u}},
    {{0x87c3eb27e0000002u, 0x5067d090f372e122u, 0x70a08b6d0302b0bau, 0x60c89ce5c2634053u}},
    {{0xcba5e0bbd0000003u, 0x789bb8d96d2c51b3u, 0x28f0d12384840917u, 0x912ceb58a394e07du}},
    {{0x0f87d64fc0000004u, 0xa0cfa121e6e5c245u, 0xe14116da06056174u, 0xc19139cb84c680a6u}},
    {{0x5369cbe3b0000005u, 0xc903896a609f32d6u, 0x99915c908786b9d1u, 0xf1f5883e65f820d0u}}
};
#define MODULUS MULTIPLES_OF_MODULUS[1]
static const element RADIX_SQUARED = { /* 2^512 mod p: what brings an element into Montgomery form */
    {0x1bb8e645ae216da7u, 0x53fe3ab1e35c59e3u, 0x8c49833d53bb8085u, 0x0216d0b17f4e44a5u}};
static const element PLAIN_ONE = {{1, 0, 0, 0}};
static const uint64_t MINUS_INVERSE = 0xc2e1f593efffffffu; /* -1/p mod 2^64 */
static const uint64_t RECIPROCAL = 0x54a474626u;           /* 2^96 / (top limb of p, rounded up) */

static element external_constants[2][HALF_EXTERNAL_ROUNDS][WIDTH];
static element internal_constants[INTERNAL_ROUNDS];

#if defined(__x86_64__)
/* Compilers don't find the add-with-carry instructions by themselves, and much of a permutation is additions. */
#include <immintrin.h>
typedef unsigned long long carry_limb;
typedef unsigned char carry_flag;
#define add_limb _addcarry_u64
#define subtract_limb _subborrow_u64
#else
typedef uint64_t carry_limb;
typedef uint64_t carry_flag;

static inline carry_flag add_limb(carry_flag carry, uint64_t x, uint64_t y, carry_limb *out) {
    wide sum = (wide)x + y + carry;
    *out = (uint64_t)sum;
    return (uint64_t)(sum >> 64);
}

static inline carry_flag subtract_limb(carry_flag borrow, uint64_t x, uint64_t y, carry_limb *out) {
    wide difference = (wide)x - y - borrow;
    *out = (uint64_t)difference;
    return (uint64_t)(difference >> 64) & 1;
}
#endif

/* x + y, which must be below 2^256 = 5.29 p. */
static inline element add(element x, element y) {
    carry_limb out[LIMBS];
    carry_flag carry = add_limb(0, x.limb[0], y.limb[0], &out[0]);
    carry = add_limb(carry, x.limb[1], y.limb[1], &out[1]);
    carry = add_limb(carry, x.limb[2], y.limb[2], &out[2]);
    add_limb(carry, x.limb[3], y.limb[3], &out[3]);
    return (element){{out[0], out[1], out[2], out[3]}};
}

/* x - y modulo 2^256; `borrow` says whether x was the smaller. */
static inline element subtract(element x, const element *y, carry_flag *borrow) {
    carry_limb out[LIMBS];
    *borrow = subtract_limb(0, x.limb[0], y->limb[0], &out[0]);
    *borrow = subtract_limb(*borrow, x.limb[1], y->limb[1], &out[1]);
    *borrow = subtract_limb(*borrow, x.limb[2], y->limb[2], &out[2]);
    *borrow = subtract_limb(*borrow, x.limb[3], y->limb[3], &out[3]);
    return (element){{out[0], out[1], out[2], out[3]}};
}

/* Any x, reduced: the quotient comes from the 28 top bits and is at most one too small, and that only just. */
static inline element reduce(element x) {
    carry_flag none;
    uint64_t quotient = ((x.limb[3] >> 36) * RECIPROCAL) >> 60;
    return subtract(x, &MULTIPLES_OF_MODULUS[quotient], &none);
}

/* Montgomery product: x * y / 2^256 modulo p, below (0.19 * (x/p) * (y/p) + 1) p. x must be below 4.29 p, because
 * partial results stay below x + p; y may be anything. */
static inline element multiply(element x, element y) {
    uint64_t t[LIMBS] = {0, 0, 0, 0};
#pragma GCC unroll 4
    for (int i = 0; i < LIMBS; i++) {
        wide product = (wide)x.limb[0] * y.limb[i] + t[0];
        uint64_t carry = (uint64_t)(product >> 64);
        uint64_t m = (uint64_t)product * MINUS_INVERSE;
        wide reduction = (wide)m * MODULUS.limb[0] + (uint64_t)product;
        uint64_t reduction_carry = (uint64_t)(reduction >> 64);
#pragma GCC unroll 4
        for (int j = 1; j < LIMBS; j++) {
            product = (wide)x.limb[j] * y.limb[i] + t[j] + carry;
            carry = (uint64_t)(product >> 64);
            reduction = (wide)m * MODULUS.limb[j] + (uint64_t)product + reduction_carry;
            reduction_carry = (uint64_t)(reduction >> 64);
            t[j - 1] = (uint64_t)reduction;
        }
        t[LIMBS - 1] = carry + reduction_carry;
    }
    return (element){{t[0], t[1], t[2], t[3]}};
}

/* For x below 2.01 p: 1.77 p, 1.6 p and finally below 1.61 p. */
static inline element fifth_power(element x) {
    element square = multiply(x, x);
    return multiply(multiply(square, square), x);
}

/* The circulant matrix (2, 1, 1), reduced to reduced; sums stay below 4.01 p. */
static inline void mix_external(state *s) {
    element total = add(add(s->a, s->b), s->c);
    s->a = reduce(add(s->a, total));
    s->b = reduce(add(s->b, total));
    s->c = reduce(add(s->c, total));
}

static void external_rounds(state *s, element constants[HALF_EXTERNAL_ROUNDS][WIDTH]) {
    for (int round = 0; round < HALF_EXTERNAL_ROUNDS; round++) {
        s->a = reduce(fifth_power(add(s->a, constants[round][0])));
        s->b = reduce(fifth_power(add(s->b, constants[round][1])));
        s->c = reduce(fifth_power(add(s->c, constants[round][2])));
        mix_external(s);
    }
}

/* S-box on a, then the all-ones matrix plus diag(1, 1, 2): (2a + b + c, a + 2b + c, a + b + 3c), reduced to reduced.
 * The largest sum is 2a + b + c, below 5.23 p. What doesn't need the S-box can be computed beside it. */
static inline void internal_round(state *s, element constant) {
    element b_c = add(s->b, s->c);
    element b_3c = reduce(add(add(s->c, s->c), b_c));
    element a = fifth_power(add(s->a, constant));
    s->a = reduce(add(add(a, a), b_c));
    s->b = reduce(add(add(a, s->b), b_c));
    s->c = reduce(add(a, b_3c));
}

static void permute(state *s) {
    mix_external(s);
    external_rounds(s, external_constants[0]);
    for (int round = 0; round < INTERNAL_ROUNDS; round++)
        internal_round(s, internal_constants[round]);
    external_rounds(s, external_constants[1]);
}

/* Any 32 bytes are taken, whatever multiple of p they hold. */
static element load(const uint8_t *bytes) {
    element x;
    memcpy(x.limb, bytes, BYTES);
    return reduce(multiply(RADIX_SQUARED, x));
}

static void store(uint8_t *bytes, element x) {
    carry_flag smaller;
    element plain = multiply(x, PLAIN_ONE); /* at most p */
    element difference = subtract(plain, &MODULUS, &smaller);
    memcpy(bytes, (smaller ? plain : difference).limb, BYTES);
}

static void absorb(state *s, const uint8_t *inputs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        s->a = reduce(add(s->a, load(inputs + i * BYTES)));
        permute(s);
    }
}

EXPORT uint32_t nomos_poseidon2_abi(void) {
    return ABI_VERSION;
}

/* 8 * 3 external constants, then 56 internal ones. To be called once, before everything else. */
EXPORT void nomos_poseidon2_setup(const uint8_t *constants) {
    for (int half = 0; half < 2; half++)
        for (int round = 0; round < HALF_EXTERNAL_ROUNDS; round++)
            for (int i = 0; i < WIDTH; i++, constants += BYTES)
                external_constants[half][round][i] = load(constants);
    for (int round = 0; round < INTERNAL_ROUNDS; round++, constants += BYTES)
        internal_constants[round] = load(constants);
}

/* Permutes one state of three elements. */
EXPORT void nomos_poseidon2_permute(const uint8_t *in, uint8_t *out) {
    state s = {load(in), load(in + BYTES), load(in + 2 * BYTES)};
    permute(&s);
    store(out, s.a);
    store(out + BYTES, s.b);
    store(out + 2 * BYTES, s.c);
}

/* For each of `count` pairs the first element of the permuted state (left, right, 0). */
EXPORT void nomos_poseidon2_compress(const uint8_t *pairs, size_t count, uint8_t *out) {
    for (size_t i = 0; i < count; i++) {
        state s = {load(pairs + 2 * i * BYTES), load(pairs + (2 * i + 1) * BYTES), {{0, 0, 0, 0}}};
        permute(&s);
        store(out + i * BYTES, s.a);
    }
}

/* Absorbs each row of inputs into an empty sponge. `lengths` counts the elements of each row; `states` receives the
 * sponges as this file keeps them, for nomos_poseidon2_finish. */
EXPORT void nomos_poseidon2_absorb(const uint8_t *inputs, const uint32_t *lengths, size_t rows, uint8_t *states) {
    for (size_t row = 0; row < rows; row++) {
        state s = {{{0, 0, 0, 0}}, {{0, 0, 0, 0}}, {{0, 0, 0, 0}}};
        absorb(&s, inputs, lengths[row]);
        inputs += (size_t)lengths[row] * BYTES;
        memcpy(states + row * sizeof s, &s, sizeof s);
    }
}

/* Absorbs the same suffix into a copy of each sponge and gives the first elements. */
EXPORT void nomos_poseidon2_finish(const uint8_t *states, size_t rows, const uint8_t *suffix, size_t count,
                                   uint8_t *out) {
    for (size_t row = 0; row < rows; row++) {
        state s;
        memcpy(&s, states + row * sizeof s, sizeof s);
        absorb(&s, suffix, count);
        store(out + row * BYTES, s.a);
    }
}
