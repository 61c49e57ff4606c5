#include "trail.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "intern.hpp"

namespace latticework {
namespace {

uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text); }

SeenPtr add(SeenPtr before, std::string_view text) {
    auto seen = std::make_shared<Seen>();
    seen->hash = mix(before ? before->hash : 29, hash_of(text));
    seen->count = before ? before->count + 1 : 1;
    seen->before = std::move(before);
    seen->text = text;
    return seen;
}

bool holds(const Seen* seen, std::string_view text) {
    for (; seen != nullptr; seen = seen->before.get()) {
        if (seen->text == text) return true;
    }
    return false;
}

bool equal(const Seen* left, const Seen* right) {
    while (left != right) {
        if (left == nullptr || right == nullptr || left->hash != right->hash || left->text != right->text) return false;
        left = left->before.get();
        right = right->before.get();
    }
    return true;
}

// Splits what stands between two brackets at its commas, and members at their colons.
class Members {
public:
    explicit Members(std::string_view inside) : rest_(inside) {}
    bool done() const { return rest_.empty(); }
    std::string_view until(char separator) {
        size_t depth = 0, at = 0;
        for (bool in_text = false; at < rest_.size(); ++at) {
            char c = rest_[at];
            if (in_text) {
                if (c == '\\') ++at;
                in_text = c != '"';
            } else if (depth == 0 && c == separator) {
                break;
            } else {
                in_text = c == '"';
                depth += c == '[' || c == '{';
                depth -= c == ']' || c == '}';
            }
        }
        std::string_view part = rest_.substr(0, at);
        rest_.remove_prefix(std::min(at + 1, rest_.size()));
        return part;
    }

private:
    std::string_view rest_;
};

// The members of an object, given without its braces, sorted by name; of equal names the last one counts.
std::string sorted_members(std::string_view inside) {
    std::map<std::string_view, std::string_view> by_name;
    for (Members members(inside); !members.done();) {
        std::string_view member = members.until(',');
        by_name[Members(member).until(':')] = member;
    }
    std::string sorted;
    for (const auto& [name, member] : by_name) (sorted += sorted.empty() ? "" : ",") += member;
    return sorted;
}

}  // namespace

Seen::~Seen() {
    SeenPtr next = std::move(before);
    while (next && next.use_count() == 1) next = std::move(const_cast<Seen&>(*next).before);
}

// ------------------------------------------------------------------------------------------------------------ reading

// White space after the bracket is still part of its lexeme, but opens nothing.
void Trail::Step::open(uint8_t bracket, int32_t choice) {
    if (bracket != '[' && bracket != '{') return;
    auto trail = next ? std::make_shared<Trail>(*next) : std::make_shared<Trail>();
    if (!next) trail->levels_.push_back({bracket == '[', true, bracket == '{', false, 0, 0, 0, nullptr});
    trail->levels_.back().different = true;
    trail->levels_.back().choice = choice;
    trail->outlook_.reset();
    trail->finish();
    next = std::move(trail);
}

Trail::Step Trail::after(const TrailPtr& before, uint8_t byte) {
    if (!before) return {};
    auto trail = std::make_shared<Trail>(*before);
    trail->outlook_.reset();
    if (!(trail->in_text_ ? trail->read_in_text(byte) : trail->read(byte))) return {};
    if (trail->levels_.size() > kMostLevels) return {nullptr, true};
    trail->forget_useless_text();
    trail->finish();
    return {std::move(trail), false};
}

bool Trail::read_in_text(uint8_t byte) {
    if (hex_left_ > 0) {
        --hex_left_;
        if (byte >= 'A' && byte <= 'F') byte |= 0x20;
    } else if (escaped_) {
        escaped_ = false;
        if (byte == 'u') hex_left_ = 4;
    } else {
        escaped_ = byte == '\\';
        in_text_ = byte != '"';
    }
    keep(byte);
    return true;
}

bool Trail::read(uint8_t byte) {
    switch (byte) {
        case ' ':
        case '\t':
        case '\n':
        case '\r': return true;
        case '[':
        case '{': open_level(byte); return true;
        case ']':
        case '}': return close_level(byte);
        case ':': end_name(); break;
        case ',': end_member(); return true;
        case '"': in_text_ = true; break;
        default: break;
    }
    keep(byte);
    return true;
}

void Trail::open_level(uint8_t bracket) {
    auto at = static_cast<uint32_t>(text_.size());
    keep(bracket);
    levels_.push_back({bracket == '[', false, bracket == '{', false, 0, at, at + 1, nullptr});
}

// False if that was the outermost one.
bool Trail::close_level(uint8_t bracket) {
    uint32_t inside = levels_.back().open + 1;
    bool is_object = !levels_.back().is_array;
    levels_.pop_back();
    bool matters = std::ranges::any_of(levels_, [](const Level& level) { return level.is_array && level.different; });
    if (is_object && matters)
        text_.replace(inside, std::string::npos, sorted_members(std::string_view(text_).substr(inside)));
    keep(bracket);
    return !levels_.empty();
}

void Trail::end_name() {
    Level& level = levels_.back();
    if (level.is_array || !level.in_name) return;  // a colon of another grammar
    level.in_name = false;
    if (!level.different) return;
    level.repeated = holds(level.seen.get(), current(level));
    level.seen = add(std::move(level.seen), current(level));
}

void Trail::end_member() {
    Level& level = levels_.back();
    if (level.is_array && level.different) level.seen = add(std::move(level.seen), current(level));
    keep(',');
    level.begin = static_cast<uint32_t>(text_.size());
    level.in_name = !level.is_array;
    level.repeated = false;
    level.candidates = nullptr;
}

// The text of an item matters as long as an array around it compares; that of a name up to the colon.
void Trail::forget_useless_text() {
    size_t useful = 0;  // the outermost level whose current item matters
    while (useful < levels_.size() && !(levels_[useful].is_array && levels_[useful].different)) ++useful;
    const Level& top = levels_.back();
    if (useful == levels_.size() && top.different && top.in_name) useful = levels_.size() - 1;
    uint32_t drop = useful == levels_.size() ? static_cast<uint32_t>(text_.size()) : levels_[useful].begin;
    if (drop == 0) return;
    text_.erase(0, drop);
    for (Level& level : levels_) {
        level.open -= std::min(level.open, drop);
        level.begin -= std::min(level.begin, drop);
    }
}

void Trail::finish() {
    hash_ = mix(mix(hash_of(text_), in_text_ * 2 + escaped_), static_cast<uint64_t>(hex_left_));
    for (const Level& level : levels_) {
        uint64_t flags = level.is_array + 2 * level.different + 4 * level.in_name + 8 * level.repeated;
        hash_ = mix(mix(mix(mix(hash_, flags), level.open), level.begin), level.seen ? level.seen->hash : 0);
    }
}

bool Trail::Level::operator==(const Level& other) const {
    return is_array == other.is_array && different == other.different && in_name == other.in_name &&
           repeated == other.repeated && choice == other.choice && open == other.open && begin == other.begin &&
           equal(seen.get(), other.seen.get());
}

bool Trail::operator==(const Trail& other) const {
    return hash_ == other.hash_ && in_text_ == other.in_text_ && escaped_ == other.escaped_ &&
           hex_left_ == other.hex_left_ && text_ == other.text_ && levels_ == other.levels_;
}

// ---------------------------------------------------------------------------------------------------------- comparing

bool Trail::repeats() const {
    const Level& level = levels_.back();
    if (!level.different) return false;
    if (!level.is_array) return level.repeated;
    std::string_view item = current(level);
    bool found = false;
    if (!in_text_ && !item.empty()) {
        visit_candidates(level, [&](const Seen& seen) { found = found || seen.text == item; });
    }
    return found;
}

template <typename Visit>
void Trail::visit_candidates(const Level& level, Visit visit) {
    if (level.candidates) {
        for (const Seen* seen : *level.candidates) visit(*seen);
    } else {
        for (const Seen* seen = level.seen.get(); seen != nullptr; seen = seen->before.get()) visit(*seen);
    }
}

template <typename Visit>
void Trail::visit_possible(Visit visit) const {
    for (size_t i = 0; i < levels_.size(); ++i) {
        const Level& level = levels_[i];
        bool is_name = level.in_name && i + 1 == levels_.size();
        if (!level.different || !(level.is_array || is_name)) continue;
        auto possible = std::make_shared<std::vector<const Seen*>>();
        visit_candidates(level, [&](const Seen& seen) {
            bool is_possible = false;
            visit_rest(seen.text, level.begin, i + 1, [&](std::string_view rest) {
                is_possible = true;
                visit(rest);
            });
            if (is_possible) possible->push_back(&seen);
        });
        level.candidates = std::move(possible);
    }
}

// What is written `from` here on is text, up to the first of the objects from `level` on that are still open: its
// members may have come in another order than the sorted ones of `seen`.
template <typename Visit>
void Trail::visit_rest(std::string_view seen, uint32_t from, size_t level, const Visit& visit) const {
    std::string_view text = text_;
    bool in_value = levels_.back().is_array || !levels_.back().in_name;
    if (in_value && seen.starts_with(text.substr(from))) return visit(seen.substr(text.size() - from));
    while (level < levels_.size() && levels_[level].is_array) ++level;
    if (level == levels_.size()) {
        std::string_view written = text.substr(from);
        if (seen.starts_with(written)) visit(seen.substr(written.size()));
        return;
    }
    const Level& object = levels_[level];
    std::string_view head = text.substr(from, object.open + 1 - from);
    std::string_view complete = text.substr(object.open + 1, object.begin - object.open - 1);
    if (!seen.starts_with(head)) return;
    if (complete.empty() && object.begin == text.size()) return visit(seen.substr(head.size()));
    std::vector<std::string_view> possible;
    for (Members members(Members(seen.substr(head.size())).until('}')); !members.done();) {
        possible.push_back(members.until(','));
    }
    for (Members members(complete); !members.done();) {
        auto found = std::ranges::find(possible, members.until(','));
        if (found == possible.end()) return;
        possible.erase(found);
    }
    for (std::string_view member : possible) visit_rest(member, object.begin, level + 1, visit);
}

bool Trail::has_choice() const {
    const Level& level = levels_.back();
    if (!level.different || !level.is_array || in_text_ || level.begin != text_.size()) return false;
    int64_t before = 0;
    for (const Level& any : levels_) before += any.seen ? any.seen->count : 0;
    return before < level.choice;
}

// The caller holds the lexer's mutex.
const Trail::Outlook& Trail::outlook() const {
    if (outlook_) return *outlook_;
    outlook_.emplace(levels_.back().repeated, ByteSet{});
    ByteSet& bytes = outlook_->watched;
    if (!in_text_) {
        for (char c : {',', ':', ']', '}', ' ', '\t', '\n', '\r'}) bytes.insert(c);
    }
    visit_possible([&](std::string_view rest) {
        outlook_->in_danger = true;
        if (rest.empty()) return;
        bytes.insert(static_cast<uint8_t>(rest[0]));
        if (rest[0] >= 'a' && rest[0] <= 'f') bytes.insert(rest[0] & ~0x20);  // a hexadecimal digit may be large
    });
    return *outlook_;
}

}  // namespace latticework
