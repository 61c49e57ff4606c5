// Fuzzes the native core without Python: bytes choose a program, a vocabulary and a walk; the laws must hold.
//
// With clang and -fsanitize=fuzzer this is a libFuzzer target. With any compiler it has a main of its own:
//   fuzz_automaton --runs 2000 --seed 1     random inputs
//   fuzz_automaton FILE...                  replay kept inputs
// The laws: a bit is set exactly where the step succeeds; no mask is empty; rollback and a fresh replay give the same
// mask; whatever the input, only the core's own exceptions come out.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "automaton.hpp"
#include "errors.hpp"
#include "matcher.hpp"

using namespace latticework;

namespace {

class Choices {
public:
    Choices(const uint8_t* data, size_t size) : data_(data), size_(size) {}
    int below(int bound) { return bound <= 1 ? 0 : next() % bound; }
    bool flip() { return next() & 1; }
    bool exhausted() const { return at_ >= size_; }

private:
    int next() { return at_ < size_ ? data_[at_++] : 0; }
    const uint8_t* data_;
    size_t size_, at_ = 0;
};

[[noreturn]] void fail(const char* law) {
    std::fprintf(stderr, "law broken: %s\n", law);
    std::abort();
}

// A program whose references are mostly right; some inputs damage it.
struct ProgramMaker {
    explicit ProgramMaker(Choices& choices) : in(choices) {}
    Choices& in;
    std::vector<int32_t> code;
    std::string text = "abcab\"{}";
    int regexes = 0;
    int leaves = 0;        // the first of them, none of which is empty: a declared name is a text
    bool is_json = false;  // all texts are JSON
    int terminals = 0;

    void add(std::initializer_list<int32_t> words) { code.insert(code.end(), words); }

    void leaf() {
        switch (in.below(6)) {
            case 0: add({1, in.below(5), in.below(4)}); break;     // literal
            case 1: add({2, 1, 'a', 'a' + in.below(3)}); break;    // chars
            case 2: add({3, 2, '"', '"', 0x61, 0x10FFFF}); break;  // JSON chars
            case 3: add({4}); break;                               // any JSON char
            case 4: add({10, 1 + in.below(9), 0}); break;          // modulo
            default: add({11, 3, 0, 2, 1, 3, 3, 1}); break;        // texts
        }
        ++regexes;
    }

    void branch() {
        int a = in.below(regexes), b = in.below(regexes), least = in.below(3);
        switch (in.below(6)) {
            case 0: add({5, 2, a, b}); break;
            case 1: add({6, 2, a, b}); break;
            case 2: add({7, 2, a, b}); break;
            case 3: add({8, a}); break;
            case 4: add({9, a, least, least + in.below(40)}); break;
            default: add({9, a, least, -1}); break;
        }
        ++regexes;
    }

    // Alternatives, each with a set of counters.
    void place(int known, int counters) {
        int count = in.below(6) == 0 ? 0 : 1 + (counters > 0 ? in.below(2) : 0);
        add({count});
        for (int i = 0; i < count; ++i) add({in.below(known), in.below(1 << counters)});
    }

    void bounds(int most) {
        int minimum = in.below(most + 1);
        add({minimum, in.flip() ? -1 : minimum + in.below(3)});
    }

    void record(int known) {
        add({24, in.below(3), in.below(3), in.below(3), in.below(2)});
        bounds(2);
        int demands = in.below(3) == 0 ? 1 + in.below(3) : 0, count = in.below(4);
        add({is_json, demands, count});
        for (int i = 0; i < count; ++i) {
            add({is_json ? kNames + i : in.below(leaves), in.below(2)});
            place(known, demands);
        }
        int extras = in.below(2);
        add({extras});
        if (extras == 0) return;
        add({is_json ? kExtraNames : in.below(regexes)});
        place(known, demands);
    }

    // There must be enough different items: at most one is demanded, and none is counted.
    void array(int known) {
        bool different = is_json && in.below(4) != 0;
        add({25, in.below(3), in.below(3), in.below(3)});
        bounds(different ? 1 : 2);
        int counters = !different && in.below(3) == 0 ? 1 + in.below(3) : 0;
        add({different, counters});
        for (int i = 0; i < counters; ++i) bounds(2);
        int count = in.below(3);
        add({count});
        for (int i = 0; i < count; ++i) place(known, counters);
        place(known, counters);
    }

    void container(int known) { in.flip() ? record(known) : array(known); }

    // What is compared must be JSON: these are the strings, numbers and names of a program all of whose texts are.
    static constexpr int kStrings = 3, kNumbers = 4, kNames = 5, kExtraNames = 11;

    // Terminals of random expressions; that some of them are ignored everywhere would have to be true.
    void lexer() {
        terminals = 1 + in.below(4);
        add({6, 0});  // nothing, for what undoes a match
        int nothing = regexes++;
        add({28, in.below(2), terminals});
        for (int i = 0; i < terminals; ++i) {
            add({in.below(nothing), nothing, nothing, in.below(2), 0});
            if (in.below(4) == 0) {
                add({1, in.below(terminals)});
            } else {
                add({0});
            }
        }
    }

    void json_leaves() {
        text += "12\"a\"\"b\"\"ab\"\"d";               // from 8 on
        add({1, 5, 1});                                // 0: a quote
        add({3, 1, in.flip() ? 0 : 'a', 'c'});         // 1: a character
        add({9, 1, in.below(2), in.flip() ? -1 : 2});  // 2: several
        add({5, 3, 0, 2, 0});                          // 3: strings
        add({11, 3, 8, 1, 8, 2, 9, 1});                // 4: numbers
        add({1, 10, 3, 1, 13, 3, 1, 16, 4});           // 5 to 7: names
        add({2, 1, 'a', 'c'});                         // 8: a letter
        add({9, 8, 0, -1});                            // 9: several
        add({1, 20, 2});                               // 10: a quote and a letter that begins no other name
        add({5, 3, 10, 9, 0});                         // 11: names that begin so
        regexes = 12;
    }

    void json_nodes(int count) {
        for (int i = 0; i < count; ++i) {
            switch (in.below(6)) {
                case 0: add({20, in.flip() ? kStrings : kNumbers}); break;
                case 1: add({22, 2, in.below(count), in.below(count)}); break;
                default: container(count);
            }
        }
        add({30, 0});
    }

    void make() {
        is_json = in.flip();
        if (is_json) {
            json_leaves();
            return json_nodes(1 + in.below(6));
        }
        for (int i = 2 + in.below(3); i > 0; --i) leaf();
        leaves = regexes;
        for (int i = in.below(8); i > 0; --i) branch();
        if (in.flip()) lexer();
        any_nodes(1 + in.below(6));
        if (in.below(20) == 19 && !code.empty())
            code[static_cast<size_t>(in.below(static_cast<int>(code.size())))] = in.below(256) - 3;
    }

    void any_nodes(int count) {
        bool counts = in.below(3) == 0;
        for (int i = 0; i < count; ++i) {
            bool has_lexer = terminals > 0 && in.below(4) != 0;
            switch (in.below(has_lexer ? 6 : 5)) {
                case 0:
                case 1:
                    if (has_lexer) {
                        add({26, 0, in.below(terminals)});
                    } else if (counts && in.flip()) {
                        add({29, in.below(regexes), 1 + in.below(4), -1});
                    } else {
                        add({20, in.below(regexes)});
                    }
                    break;
                case 5: add({27, in.below(count)}); break;
                case 2: add({21, 2, in.below(count), in.below(count)}); break;
                case 3: add({22, 2, in.below(count), in.below(count)}); break;
                default: container(count);
            }
        }
        add({30, in.below(count)});
    }
};

std::shared_ptr<Vocabulary> make_vocabulary(Choices& in) {
    std::vector<std::string> tokens{"a",
                                    "b",
                                    "c",
                                    "ab",
                                    "ba",
                                    "\"",
                                    "{",
                                    "}",
                                    "[",
                                    "]",
                                    ",",
                                    ":",
                                    " ",
                                    "\n",
                                    "1",
                                    "12",
                                    "\\",
                                    "u",
                                    "0",
                                    "{\"",
                                    "\":",
                                    "},",
                                    "aaaaaaaaaaaaaaaaaaaaaaaaa",
                                    "",
                                    "1,",
                                    "2,1",
                                    ",1",
                                    "],[",
                                    "[[",
                                    "},{\"",
                                    "\",\"",
                                    "a\",\"a\"",
                                    "\":1,\"",
                                    ":[1,",
                                    "\"d",
                                    "\xC3",
                                    "\xA9",
                                    "\xC3\xA9"};
    if (in.flip()) {
        for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
    }
    auto eos = static_cast<TokenId>(tokens.size());
    tokens.emplace_back();
    return std::make_shared<Vocabulary>(std::move(tokens), std::vector<TokenId>{eos}, eos + 1 + in.below(40));
}

Bits mask(Automaton& automaton, StateId state) {
    Bits row(static_cast<size_t>(automaton.vocabulary()->words()), ~0u);
    automaton.fill(state, row);
    return row;
}

std::vector<TokenId> checked_tokens(Matcher& matcher) {
    Automaton& automaton = *matcher.automaton();
    Bits row = mask(automaton, matcher.state());
    std::vector<TokenId> allowed;
    for (TokenId token = 0; token < automaton.vocabulary()->size(); ++token) {
        bool steps = automaton.step(matcher.state(), token) != Automaton::kDead;
        if (steps != test_bit(row, token)) fail("a bit is set exactly where the step succeeds");
        if (steps) allowed.push_back(token);
    }
    if (allowed.empty()) fail("no mask is empty");
    return allowed;
}

// Some token leads to a state with a smaller distance.
void check_distance(Automaton& automaton, StateId state) {
    int32_t distance = automaton.distance(state), least = INT32_MAX;
    if (distance <= 0) return;  // the text has ended, or the vocabulary cannot spell the way
    Bits row = mask(automaton, state);
    for (TokenId token = 0; token < automaton.vocabulary()->size(); ++token) {
        if (!test_bit(row, token)) continue;
        int32_t after = automaton.distance(automaton.step(state, token));
        if (after >= 0) least = std::min(least, after);
    }
    if (least >= distance) fail("some token brings the distance down");
}

void walk(Choices& in, const std::shared_ptr<Automaton>& automaton, const std::shared_ptr<Automaton>& twin) {
    Matcher matcher(automaton);
    for (int steps = 0; steps < 40 && !in.exhausted(); ++steps) {
        std::vector<TokenId> allowed = checked_tokens(matcher);
        matcher.accept(allowed[static_cast<size_t>(in.below(static_cast<int>(allowed.size())))]);
        if (in.below(8) == 7)
            matcher.rollback(static_cast<size_t>(in.below(static_cast<int>(matcher.tokens().size()) + 1)));
        Matcher fresh(twin);
        for (TokenId token : matcher.tokens()) fresh.accept(token);
        if (mask(*automaton, matcher.state()) != mask(*twin, fresh.state())) fail("a fresh replay gives the same mask");
        automaton->forced_bytes(matcher.state());
        if (steps % 8 == 0) check_distance(*twin, fresh.state());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Choices in(data, size);
    auto vocabulary = make_vocabulary(in);
    ProgramMaker maker(in);
    maker.make();
    std::string code(reinterpret_cast<const char*>(maker.code.data()), maker.code.size() * sizeof(int32_t));
    Limits limits;
    limits.derivative_steps = 2000;
    limits.liveness_states = 500;
    limits.grammar_nodes = 1000;
    try {
        auto twin = std::make_shared<Automaton>(vocabulary, code, maker.text, limits);
        limits.grammar_bytes = 8000;  // collect all the time
        walk(in, std::make_shared<Automaton>(vocabulary, code, maker.text, limits), twin);
    } catch (const GrammarProblem&) {
    } catch (const Unsatisfiable&) {
    } catch (const VocabularyProblem&) {
    } catch (const LimitReached&) {
    }
    return 0;
}

#ifndef LATTICEWORK_LIBFUZZER
int main(int argc, char** argv) {
    unsigned long runs = 500, seed = 1;
    bool replayed = false;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
            runs = std::strtoul(argv[++i], nullptr, 10);
        else if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = std::strtoul(argv[++i], nullptr, 10);
        else {
            std::ifstream file(argv[i], std::ios::binary);
            std::vector<char> data{std::istreambuf_iterator<char>(file), {}};
            LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(data.data()), data.size());
            replayed = true;
        }
    }
    if (replayed) return 0;
    for (unsigned long run = 0; run < runs; ++run) {
        std::mt19937_64 random(seed + run);
        std::vector<uint8_t> data(400);
        std::ranges::generate(data, [&] { return static_cast<uint8_t>(random()); });
        std::ofstream("last_input.bin", std::ios::binary).write(reinterpret_cast<const char*>(data.data()), 400);
        LLVMFuzzerTestOneInput(data.data(), data.size());
    }
    std::printf("%lu inputs, no law broken\n", runs);
    return 0;
}
#endif
