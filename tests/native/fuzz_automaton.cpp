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
    Choices& in;
    std::vector<int32_t> code;
    std::string text = "abcab\"{}";
    int regexes = 0, nodes = 0;

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

    void container(int known) {
        bool record = in.flip();
        int style = in.below(3), minimum = in.below(3);
        add({record ? 24 : 25, style, in.below(3), in.below(3)});
        if (record) add({in.below(2)});
        add({minimum, in.flip() ? -1 : minimum + in.below(3)});
        int count = in.below(4);
        add({count});
        for (int i = 0; i < count; ++i) {
            if (record)
                add({in.below(regexes), in.below(known), in.below(2)});
            else
                add({in.below(known)});
        }
        if (!record)
            add({in.flip() ? -1 : in.below(known)});
        else if (in.flip())
            add({0});
        else
            add({1, in.below(regexes), in.below(known)});
    }

    void make() {
        for (int i = 2 + in.below(3); i > 0; --i) leaf();
        for (int i = in.below(8); i > 0; --i) branch();
        int count = 1 + in.below(6);
        for (int i = 0; i < count; ++i) {
            switch (in.below(5)) {
                case 0:
                case 1: add({20, in.below(regexes)}); break;
                case 2: add({21, 2, in.below(count), in.below(count)}); break;
                case 3: add({22, 2, in.below(count), in.below(count)}); break;
                default: container(count);
            }
        }
        add({30, in.below(count)});
        if (in.below(20) == 19 && !code.empty())
            code[static_cast<size_t>(in.below(static_cast<int>(code.size())))] = in.below(256) - 3;
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
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Choices in(data, size);
    auto vocabulary = make_vocabulary(in);
    ProgramMaker maker{in};
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
