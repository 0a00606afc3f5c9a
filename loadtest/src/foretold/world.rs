//! The clouds that are asked, and the policies by which.

use std::fmt::Write;
use std::time::Duration;

use tradewind_cloudsim::{Behaviour, CloudKind, Crowding, Length, Pace, Sim};

use crate::Failure;

/// The variable in which the gateway finds the clouds' key, and the key.
pub(crate) const KEY: (&str, &str) = ("FORETOLD_KEY", "sk-sim");
/// What clients ask for.
pub(crate) const MODEL: &str = "chat";
/// What a cent buys, in the world's time.
const CENT_BUYS: Duration = Duration::from_secs(6);

/// One simulated cloud, in the world's time.
struct Cloud {
    name: &'static str,
    kind: CloudKind,
    region: &'static str,
    /// Milliseconds to the first token, and more for each thousand tokens of the prompt.
    first_token: [u64; 2],
    per_token: u64,
    spread: f64,
    /// With so many requests under way it takes twice as long.
    twice_at: u32,
    /// Dollars for a million tokens in and out.
    price: [f64; 2],
}

/// Two deployments in one region, one in another, and a cheaper host that is slower.
const CLOUDS: [Cloud; 4] = [
    Cloud {
        name: "west-1",
        kind: CloudKind::OpenAi,
        region: "west",
        first_token: [270, 45],
        per_token: 14,
        spread: 0.3,
        twice_at: 40,
        price: [0.6, 2.4],
    },
    Cloud {
        name: "west-2",
        kind: CloudKind::Azure,
        region: "west",
        first_token: [350, 30],
        per_token: 18,
        spread: 0.4,
        twice_at: 30,
        price: [0.55, 2.2],
    },
    Cloud {
        name: "east",
        kind: CloudKind::Mistral,
        region: "east",
        first_token: [370, 45],
        per_token: 14,
        spread: 0.3,
        twice_at: 40,
        price: [0.6, 2.4],
    },
    Cloud {
        name: "host",
        kind: CloudKind::Together,
        region: "host",
        first_token: [440, 90],
        per_token: 20,
        spread: 0.5,
        twice_at: 30,
        price: [0.45, 1.8],
    },
];

/// What a policy says otherwise than the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// The host asks a third of its price.
    Price,
    /// The region `west` is drained.
    Region,
}

impl Change {
    pub(crate) const ALL: [Self; 3] = [Self::Price, Self::Region, Self::None];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Price => "price",
            Self::Region => "region",
        }
    }
}

/// The clouds that run.
pub(crate) struct World {
    sims: Vec<Sim>,
    speed: f64,
}

impl World {
    /// Starts the clouds, so many times as fast.
    pub(crate) async fn start(speed: f64) -> Result<Self, Failure> {
        let mut sims = Vec::new();
        for cloud in &CLOUDS {
            let ms = |milliseconds: u64| Duration::from_millis(milliseconds).div_f64(speed);
            let [first, per_1k_tokens] = cloud.first_token;
            let pace = Pace {
                first: ms(first),
                // The words of the prompts have four bytes.
                per_kilobyte: ms(per_1k_tokens) / 4,
                each: ms(cloud.per_token),
                spread: cloud.spread,
                crowding: Some(Crowding { requests: cloud.twice_at, factor: 2.0 }),
            };
            let behaviour = Behaviour { pace, length: Length::ToTheLimit, ..Behaviour::default() };
            sims.push(Sim::start_cloud(cloud.kind, behaviour).await?);
        }
        Ok(Self { sims, speed })
    }

    /// The policy with that change.
    pub(crate) fn policy(&self, change: &Change) -> String {
        let mut text = String::from("version = 1\n");
        for (cloud, sim) in CLOUDS.iter().zip(&self.sims) {
            let [input, output] = cloud.price.map(|price| match (change, cloud.name) {
                (Change::Price, "host") => price / 3.0,
                _ => price,
            });
            let drained = *change == Change::Region && cloud.region == "west";
            let provider = if cloud.kind == CloudKind::Azure { "azure-openai" } else { cloud.kind.name() };
            // Writing to a text cannot fail.
            let _infallible = write!(
                text,
                "\n[backend.{}]\nprovider = \"{provider}\"\nbase_url = \"{}\"\nsecret = \"env:{}\"\nfailure_domain = \"{}\"\ndrained = {drained}\n\
                 models.{MODEL} = {{ name = \"sim-chat\", price = {{ in = {input:.3}, out = {output:.3} }} }}\n",
                cloud.name,
                sim.base_url(),
                KEY.0,
                cloud.region,
            );
        }
        let names = CLOUDS.map(|cloud| format!("\"{}\"", cloud.name)).join(", ");
        let buys = CENT_BUYS.div_f64(self.speed).as_millis();
        text + &format!(
            "\n[tenant.trace]\nallow = [\"{MODEL}\"]\n\n[[route]]\nname = \"{MODEL}\"\nmatch = {{ model = \"{MODEL}\" }}\n\
             tiers = [[{names}]]\none_cent_buys = \"{buys}ms\"\n"
        )
    }
}
