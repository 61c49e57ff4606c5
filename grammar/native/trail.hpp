// The memory of a state inside an array whose items must differ, or an object whose undeclared names must.
//
// A parser cannot tell whether an item equals one before: that takes the texts. So a state inside such a container
// carries a trail: what was written since the outermost of them was opened, as far as it matters. Texts are kept
// without white space between tokens, with lower-case hexadecimal digits, and with the members of every complete object
// sorted by name, so that a text stands for its value. A trail never changes; each byte leads to another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "byteset.hpp"

namespace latticework {

// The items, or names, before the current one; a list from the last to the first.
struct Seen {
    std::shared_ptr<const Seen> before;
    std::string text;
    uint64_t hash = 0;  // of the whole list
    int32_t count = 1;
    ~Seen();  // without recursion over the list
};
using SeenPtr = std::shared_ptr<const Seen>;

class Trail;
using TrailPtr = std::shared_ptr<const Trail>;  // null: nothing to remember

class Trail {
public:
    static constexpr size_t kMostLevels = 2000;

    // What a byte leads to: null outside, and once the outermost container is closed.
    struct Step {
        TrailPtr next;
        bool too_deep = false;
        // The byte may have opened a container that compares; `choice`: so many different things there are at least.
        void open(uint8_t bracket, int32_t choice);
    };
    static Step after(const TrailPtr& trail, uint8_t byte);

    bool in_text() const { return in_text_; }
    // Whether the item, or name, that ends here equals one before it.
    bool repeats() const;
    // Whether the item or name in the making may yet become one of those before it.
    // Whether an item is about to begin, with more values to choose from than there were items before.
    bool has_choice() const;
    bool in_danger() const { return outlook().in_danger; }
    // The bytes after which that is so, or after which something else may be found equal.
    const ByteSet& watched() const { return outlook().watched; }

    uint64_t hash() const { return hash_; }
    bool operator==(const Trail& other) const;
    size_t memory() const { return sizeof(Trail) + text_.capacity() + levels_.capacity() * sizeof(Level); }

private:
    struct Level {
        bool is_array;
        bool different = false;
        bool in_name = false;   // object: before the colon of a member
        bool repeated = false;  // object: the name of this member was there before
        int32_t choice = 0;     // array: so many different items there are at least
        uint32_t open = 0;      // where its bracket is in the text, if that is still there
        uint32_t begin = 0;     // where the current item or member begins in the text
        SeenPtr seen;
        // Those of `seen` that the current item or name may become, or more; null: all. Follows from the rest.
        mutable std::shared_ptr<const std::vector<const Seen*>> candidates = nullptr;
        bool operator==(const Level& other) const;
    };

    struct Outlook {
        bool in_danger;
        ByteSet watched;
    };

    const Outlook& outlook() const;
    bool read_in_text(uint8_t byte);
    bool read(uint8_t byte);
    void open_level(uint8_t bracket);
    bool close_level(uint8_t bracket);
    void end_member();
    void end_name();
    void keep(uint8_t byte) { text_.push_back(static_cast<char>(byte)); }
    void forget_useless_text();
    std::string_view current(const Level& level) const { return std::string_view(text_).substr(level.begin); }
    template <typename Visit>
    static void visit_candidates(const Level& level, Visit visit);
    // What may still come, as far as it is in one piece, of each of those before that the current one can yet become.
    template <typename Visit>
    void visit_possible(Visit visit) const;
    template <typename Visit>
    void visit_rest(std::string_view seen, uint32_t from, size_t level, const Visit& visit) const;
    void finish();

    std::vector<Level> levels_;  // open brackets, from the outermost container that compares
    std::string text_;           // of the current item of the outermost array that compares, or of the current name
    bool in_text_ = false;       // inside a JSON string
    bool escaped_ = false;
    int32_t hex_left_ = 0;
    uint64_t hash_ = 0;
    mutable std::optional<Outlook> outlook_;  // once it was asked for
};

}  // namespace latticework
