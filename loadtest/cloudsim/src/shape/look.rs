//! Looking into JSON that has been checked: what is not there is `null`.

use serde_json::Value;

static NULL: Value = Value::Null;

/// Looks into a value.
pub(crate) trait Look {
    /// The member at the end of a way such as `inferenceConfig.maxTokens`; `null` where it ends earlier.
    fn look(&self, way: &str) -> &Value;

    /// The elements of a list; none where it is something else.
    fn elements(&self) -> &[Value];

    /// Adds a member to an object; something else stays as it is.
    fn put(&mut self, name: &str, value: impl Into<Value>);
}

impl Look for Value {
    fn look(&self, way: &str) -> &Value {
        way.split('.').try_fold(self, |value, name| value.get(name)).unwrap_or(&NULL)
    }

    fn elements(&self) -> &[Value] {
        self.as_array().map_or(&[], Vec::as_slice)
    }

    fn put(&mut self, name: &str, value: impl Into<Value>) {
        if let Some(members) = self.as_object_mut() {
            members.insert(name.into(), value.into());
        }
    }
}
