// The border to Python: three classes, conversions, lock release, error translation. The only file that knows Python.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>

#include "automaton.hpp"
#include "errors.hpp"
#include "matcher.hpp"
#include "vocabulary.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace latticework;

namespace {

using Bitmask = nb::ndarray<int32_t, nb::ndim<2>, nb::c_contig>;
using Unlocked = nb::gil_scoped_release;

nb::bytes to_bytes(const std::string& text) { return nb::bytes(text.data(), text.size()); }
std::string to_string(const nb::bytes& data) { return {data.c_str(), data.size()}; }

// ------------------------------------------------------------------------------------------------------------- errors

template <typename... Args>
void raise(const char* name, Args&&... args) {
    try {
        nb::object kind = nb::module_::import_("latticework.grammar.errors").attr(name);
        nb::object error = kind(std::forward<Args>(args)...);
        PyErr_SetObject(kind.ptr(), error.ptr());
    } catch (nb::python_error& interrupted) {  // Ctrl-C, most likely
        interrupted.restore();
    }
}

void translate(const std::exception_ptr& thrown, void*) {
    try {
        std::rethrow_exception(thrown);
    } catch (const Unsatisfiable& error) {
        raise("UnsatisfiableSchemaError", "", "", error.what());
    } catch (const GrammarProblem& error) {
        raise("GrammarError", error.what());
    } catch (const VocabularyProblem& error) {
        raise("VocabularyError", error.what());
    } catch (const LimitReached& error) {
        raise("LimitError", error.limit, error.value, error.what());
    } catch (const Rejected& error) {
        raise("TokenRejected", error.token_id, to_bytes(error.token_bytes), error.position);
    }
}

// ------------------------------------------------------------------------------------------------------------ buffers

// Memory pinned for a GPU calls itself a device of its own, but is as writable as any other.
void check_buffer(const Bitmask& bitmask, const Vocabulary& vocabulary) {
    bool on_host =
        bitmask.device_type() == nb::device::cpu::value || bitmask.device_type() == nb::device::cuda_host::value;
    if (!on_host) throw nb::type_error("bitmask must be in CPU memory");
    if (bitmask.shape(1) < static_cast<size_t>(vocabulary.words())) {
        throw nb::type_error(("bitmask rows have " + std::to_string(bitmask.shape(1)) +
                              " words, but the vocabulary needs " + std::to_string(vocabulary.words()))
                                 .c_str());
    }
}

std::span<uint32_t> row_of(const Bitmask& bitmask, size_t row) {
    size_t width = bitmask.shape(1);
    return {reinterpret_cast<uint32_t*>(bitmask.data()) + row * width, width};
}

void fill_states(Automaton& self, const std::vector<StateId>& states, const Bitmask& bitmask) {
    check_buffer(bitmask, *self.vocabulary());
    if (bitmask.shape(0) != states.size()) throw nb::type_error("bitmask must have one row per state");
    Unlocked unlocked;
    self.fill(states, reinterpret_cast<uint32_t*>(bitmask.data()), bitmask.shape(1));
}

void fill_within(Automaton& self, StateId state, int32_t remaining, const Bitmask& bitmask, long row) {
    check_buffer(bitmask, *self.vocabulary());
    if (row < 0 || static_cast<size_t>(row) >= bitmask.shape(0)) throw nb::index_error("no such row in the bitmask");
    Unlocked unlocked;
    self.fill_within(state, remaining, row_of(bitmask, static_cast<size_t>(row)));
}

void fill_matcher(const Matcher& self, const Bitmask& bitmask, long row) {
    check_buffer(bitmask, *self.automaton()->vocabulary());
    if (row < 0 || static_cast<size_t>(row) >= bitmask.shape(0)) throw nb::index_error("no such row in the bitmask");
    Unlocked unlocked;
    self.automaton()->fill(self.state(), row_of(bitmask, static_cast<size_t>(row)));
}

std::vector<TokenId> allowed_tokens(Automaton& self, StateId state) {
    std::vector<TokenId> tokens;
    Bits row(static_cast<size_t>(self.vocabulary()->words()));
    self.fill(state, row);
    for (TokenId token = 0; token < self.vocabulary()->size(); ++token) {
        if (test_bit(row, token)) tokens.push_back(token);
    }
    return tokens;
}

// -------------------------------------------------------------------------------------------------------- conversions

void make_vocabulary(Vocabulary* self, const nb::sequence& token_bytes, const nb::iterable& eos,
                     std::optional<long> size) {
    std::vector<std::string> tokens;
    for (nb::handle item : token_bytes) {
        if (item.is_none()) {
            tokens.emplace_back();
        } else if (PyBytes_Check(item.ptr())) {
            tokens.push_back(to_string(nb::borrow<nb::bytes>(item)));
        } else {
            throw nb::type_error("token_bytes must hold bytes or None");
        }
    }
    std::vector<TokenId> ids;
    for (nb::handle item : eos) {
        TokenId id = 0;
        if (!nb::try_cast(item, id)) throw nb::type_error("eos_token_ids must hold integers of 32 bits");
        ids.push_back(id);
    }
    if (size.value_or(0) < 0) throw VocabularyProblem("size must not be negative");
    new (self) Vocabulary(std::move(tokens), std::move(ids), size.value_or(-1));
}

const std::string& token_bytes(const Vocabulary& self, TokenId token) {
    if (token < 0 || token >= self.size()) throw nb::index_error("no such token in the vocabulary");
    return self.given_bytes(token);
}

Limits to_limits(const nb::dict& given) {
    Limits limits;
    for (auto [key, value] : given) {
        std::string name;
        long number = 0;
        if (!nb::try_cast(key, name) || !nb::try_cast(value, number)) {
            throw nb::type_error("limits must map names to integers");
        }
        if (number <= 0) throw nb::value_error(("limit " + name + " must be positive").c_str());
        if (name == "grammar_bytes")
            limits.grammar_bytes = static_cast<size_t>(number);
        else if (name == "lexer_bytes")
            limits.lexer_bytes = static_cast<size_t>(number);
        else if (name == "derivative_steps")
            limits.derivative_steps = number;
        else if (name == "grammar_nodes")
            limits.grammar_nodes = number;
        else if (name == "liveness_states")
            limits.liveness_states = number;
        else
            throw nb::value_error(("unknown limit " + name).c_str());
    }
    return limits;
}

nb::dict from_limits(const Limits& limits) {
    nb::dict out;
    out["grammar_bytes"] = limits.grammar_bytes;
    out["lexer_bytes"] = limits.lexer_bytes;
    out["derivative_steps"] = limits.derivative_steps;
    out["grammar_nodes"] = limits.grammar_nodes;
    out["liveness_states"] = limits.liveness_states;
    return out;
}

std::shared_ptr<Automaton> make_grammar(std::shared_ptr<Vocabulary> vocabulary, const nb::bytes& program,
                                        const nb::bytes& text, const nb::dict& limits) {
    Limits parsed = to_limits(limits);
    std::string code = to_string(program), characters = to_string(text);
    Unlocked unlocked;
    return std::make_shared<Automaton>(std::move(vocabulary), std::move(code), std::move(characters), parsed);
}

std::unique_ptr<Matcher> make_matcher(std::shared_ptr<Automaton> grammar, const std::vector<TokenId>& tokens) {
    Unlocked unlocked;
    auto matcher = std::make_unique<Matcher>(std::move(grammar));
    for (TokenId token : tokens) matcher->accept(token);
    return matcher;
}

nb::bytes forced_bytes(Automaton& self, StateId state) {
    std::string forced;
    {
        Unlocked unlocked;
        forced = self.forced_bytes(state);
    }
    return to_bytes(forced);
}

nb::dict statistics(Automaton& self) {
    Statistics found{};
    {
        Unlocked unlocked;
        found = self.statistics();
    }
    nb::dict out;
    out["states"] = found.states;
    out["masks"] = found.masks;
    out["stacks"] = found.stacks;
    out["positions"] = found.positions;
    out["state_bytes"] = found.state_bytes;
    out["lexer_states"] = found.lexer_states;
    out["lexer_bytes"] = found.lexer_bytes;
    out["collections"] = found.collections;
    return out;
}

nb::tuple eos_tuple(const Vocabulary& self) {
    nb::list ids;
    for (TokenId id : self.eos()) ids.append(id);
    return nb::tuple(ids);
}

// ------------------------------------------------------------------------------------------------------------ classes

void bind_vocabulary(nb::module_& m) {
    nb::class_<Vocabulary>(m, "Vocabulary", "Token id -> bytes, the end tokens, and the token trie.")
        .def("__init__", &make_vocabulary, "token_bytes"_a, "eos_token_ids"_a, "size"_a = nb::none())
        .def_prop_ro("size", &Vocabulary::size)
        .def_prop_ro("bitmask_words", &Vocabulary::words)
        .def_prop_ro("eos_token_ids", &eos_tuple)
        .def(
            "token_bytes", [](const Vocabulary& self, TokenId token) { return to_bytes(token_bytes(self, token)); },
            "token_id"_a);
}

void bind_grammar(nb::module_& m) {
    nb::class_<Automaton>(m, "CompiledGrammar", nb::is_weak_referenceable(),
                          "A grammar for a vocabulary: the token automaton.")
        .def(nb::new_(&make_grammar), "vocabulary"_a, "program"_a, "text"_a, "limits"_a)
        .def_prop_ro("vocabulary", &Automaton::vocabulary)
        .def_prop_ro("start", &Automaton::start)
        .def("step", &Automaton::step, "state"_a, "token_id"_a, nb::call_guard<Unlocked>())
        .def(
            "step_bytes",
            [](Automaton& self, StateId state, const nb::bytes& data) {
                std::string_view view(data.c_str(), data.size());
                Unlocked unlocked;
                return self.step_bytes(state, view);
            },
            "state"_a, "data"_a)
        .def_prop_ro("counts_tokens", &Automaton::counts_tokens)
        .def("is_accepting", &Automaton::is_accepting, "state"_a)
        .def(
            "is_terminated",
            [](Automaton& self, StateId state) {
                self.is_accepting(state);  // refuses what is no state
                return state == Automaton::kTerminated;
            },
            "state"_a)
        .def("forced_bytes", &forced_bytes, "state"_a)
        .def(
            "next_bytes", [](Automaton& self, StateId state) { return to_bytes(self.next_bytes(state)); }, "state"_a)
        .def("allowed_tokens", &allowed_tokens, "state"_a, nb::call_guard<Unlocked>())
        .def("fill_bitmask", &fill_states, "states"_a, nb::arg("bitmask").noconvert())
        .def("fill_bitmask_within", &fill_within, "state"_a, "remaining"_a, nb::arg("bitmask").noconvert(), "row"_a = 0)
        .def("distance", &Automaton::distance, "state"_a, nb::call_guard<Unlocked>())
        .def("statistics", &statistics)
        .def("__copy__", [](nb::object self) { return self; })
        .def(
            "__deepcopy__", [](nb::object self, nb::handle) { return self; }, "memo"_a)
        .def("__reduce__", [](nb::object self) {
            const Automaton& grammar = nb::cast<const Automaton&>(self);
            return nb::make_tuple(self.type(), nb::make_tuple(self.attr("vocabulary"), to_bytes(grammar.code()),
                                                              to_bytes(grammar.text()), from_limits(grammar.limits())));
        });
}

void bind_matcher(nb::module_& m) {
    auto fork = [](const Matcher& self) { return std::make_unique<Matcher>(self); };
    nb::class_<Matcher>(m, "Matcher", nb::is_weak_referenceable(), "Where one sequence stands in a grammar.")
        .def(nb::new_(&make_matcher), "grammar"_a, "token_ids"_a = nb::tuple())
        .def_prop_ro("grammar", &Matcher::automaton)
        .def_prop_ro("state", &Matcher::state)
        .def_prop_ro("token_ids", &Matcher::tokens)
        .def_prop_ro("is_accepting", &Matcher::is_accepting)
        .def_prop_ro("is_terminated", &Matcher::is_terminated)
        .def("accept_token", &Matcher::accept, "token_id"_a, nb::call_guard<Unlocked>())
        .def("peek", &Matcher::peek, "state"_a, "token_id"_a, nb::call_guard<Unlocked>())
        .def(
            "validate_tokens",
            [](const Matcher& self, const std::vector<TokenId>& tokens) { return self.validate(tokens); },
            "token_ids"_a, nb::call_guard<Unlocked>())
        .def("fill_bitmask", &fill_matcher, nb::arg("bitmask").noconvert(), "row"_a = 0)
        .def("forced_bytes", [](const Matcher& self) { return forced_bytes(*self.automaton(), self.state()); })
        .def(
            "rollback",
            [](Matcher& self, long count) {
                if (count < 0) throw std::invalid_argument("rollback takes a count of at least 0");
                self.rollback(static_cast<size_t>(count));
            },
            "count"_a)
        .def("fork", fork)
        .def("reset", &Matcher::reset)
        .def("__copy__", fork)
        .def(
            "__deepcopy__", [fork](const Matcher& self, nb::handle) { return fork(self); }, "memo"_a)
        .def("__reduce__", [](nb::object self) {
            return nb::make_tuple(self.type(), nb::make_tuple(self.attr("grammar"), self.attr("token_ids")));
        });
}

}  // namespace

NB_MODULE(_native, m) {
    m.doc() = "The native core of Latticework.";
    nb::register_exception_translator(translate);
    bind_vocabulary(m);
    bind_grammar(m);
    bind_matcher(m);
}
