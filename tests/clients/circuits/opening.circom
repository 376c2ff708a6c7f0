pragma circom 2.1.0;

// One permutation round's non-linear part: x^5, a bijection of the BN254 scalar field.
template Quintic() {
    signal input in;
    signal output out;
    signal square <== in * in;
    signal fourth <== square * square;
    out <== fourth * in;
}

// A keyed permutation made of ROUNDS quintic rounds. Enough structure for a test of the proof system; its security
// was not studied.
template Cipher(ROUNDS) {
    signal input key;
    signal input in;
    signal output out;
    component round[ROUNDS];
    signal state[ROUNDS + 1];
    state[0] <== in;
    for (var i = 0; i < ROUNDS; i++) {
        round[i] = Quintic();
        round[i].in <== state[i] + key + (i + 1) * (i + 7) * 1000003;
        state[i + 1] <== round[i].out;
    }
    out <== state[ROUNDS] + key;
}

// The prover knows an amount under the public commitment, and it is at least the public minimum; both fit BITS bits.
template Opening(BITS, ROUNDS) {
    signal input minimum;
    signal input amount;
    signal input salt;
    signal output commitment;

    signal amountBits[BITS];
    signal surplusBits[BITS];
    var amountSum = 0;
    var surplusSum = 0;
    for (var i = 0; i < BITS; i++) {
        amountBits[i] <-- (amount >> i) & 1;
        amountBits[i] * (amountBits[i] - 1) === 0;
        amountSum += amountBits[i] * (1 << i);
        surplusBits[i] <-- ((amount - minimum) >> i) & 1;
        surplusBits[i] * (surplusBits[i] - 1) === 0;
        surplusSum += surplusBits[i] * (1 << i);
    }
    amountSum === amount;
    surplusSum === amount - minimum;

    component cipher = Cipher(ROUNDS);
    cipher.key <== salt;
    cipher.in <== amount;
    commitment <== cipher.out + amount;
}

component main {public [minimum]} = Opening(32, 24);
