//! What is not known is absent from an answer. A description made from an `Option` would say that
//! it may be null as well.

use utoipa::openapi::{
    RefOr, Schema,
    schema::{ArrayItems, SchemaType, Type},
};

/// Takes null from each member that may be absent.
pub(super) fn never_null(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            for (name, member) in &mut object.properties {
                if !object.required.contains(name) {
                    without_null(member);
                }
                never_null(member);
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(item) = &mut array.items {
                never_null(item);
            }
        }
        Schema::OneOf(one) => one.items.iter_mut().for_each(never_null),
        Schema::AllOf(all) => all.items.iter_mut().for_each(never_null),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(never_null),
        _ => {}
    }
}

fn without_null(member: &mut RefOr<Schema>) {
    let only = match member {
        RefOr::T(Schema::Object(object)) => return narrow(&mut object.schema_type),
        RefOr::T(Schema::Array(array)) => return narrow(&mut array.schema_type),
        RefOr::T(Schema::OneOf(one)) => {
            one.items.retain(|item| !is_null(item));
            if one.items.len() == 1 { one.items.pop() } else { None }
        }
        _ => None,
    };
    if let Some(only) = only {
        *member = only;
    }
}

fn narrow(kind: &mut SchemaType) {
    if let SchemaType::Array(kinds) = kind {
        kinds.retain(|kind| *kind != Type::Null);
        if let [only] = kinds.as_slice() {
            *kind = SchemaType::Type(only.clone());
        }
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}
